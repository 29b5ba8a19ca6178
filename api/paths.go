package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// literal keeps a path that the contract spells out, such as /jobs/batch, from
// being taken for one with a parameter, such as /jobs/{id}, when it does not know
// the method: the router would look for a job of that name.
func literal(operations []operation) echo.MiddlewareFunc {
	methods := make(map[string][]string)
	for _, op := range operations {
		if strings.Contains(op.path, "{") {
			continue
		}
		if methods[op.path] == nil {
			methods[op.path] = []string{http.MethodOptions}
		}
		methods[op.path] = append(methods[op.path], op.method)
		if op.method == http.MethodGet {
			methods[op.path] = append(methods[op.path], http.MethodHead)
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			known := methods[c.Request().URL.Path]
			if known == nil || slices.Contains(known, c.Request().Method) && c.Request().Method != http.MethodOptions {
				return next(c)
			}
			c.Response().Header().Set(echo.HeaderAllow, strings.Join(known, ", "))
			if c.Request().Method == http.MethodOptions {
				return c.NoContent(http.StatusNoContent)
			}
			return errMethod
		}
	}
}
