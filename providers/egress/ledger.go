package egress

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/tasks"
)

//go:embed lua/append.lua
var appendSource string

var appendScript = redis.NewScript(appendSource)

const (
	// mostLines is about how many lines are kept while no process writes them to an
	// audit log: some 20 MB.
	mostLines = 50_000
	// batch is how many lines are read at once, and so written and synced together.
	batch = 100
	// every is how often an empty ledger is read.
	every = time.Second
	// claimed is after how long a line is taken from a process that has not written it.
	claimed = 30 * time.Second
	group   = "audit"
	// consumer is the name of every process in the group: with names of their own those
	// that ended would stay in it.
	consumer = "audit"
)

// Ledger holds the lines that are not in an audit log yet. It is safe for
// concurrent use.
type Ledger struct{ rdb redis.UniversalClient }

// NewLedger returns the ledger of an installation.
func NewLedger(rdb redis.UniversalClient) *Ledger { return &Ledger{rdb} }

// Append records a line, under the next number and the time of Redis.
func (l *Ledger) Append(ctx context.Context, e tasks.Egress) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return appendScript.Run(ctx, l.rdb, []string{linesKey, countKey}, mostLines, uuid.NewString(), line).Err()
}

// Pending returns how many lines wait to be written to an audit log.
func (l *Ledger) Pending(ctx context.Context) (int64, error) {
	return l.rdb.XLen(ctx, linesKey).Result()
}

// Drain calls record for every line until ctx ends, for several at once. Each line
// goes to one of the processes that call Drain, and again to one of them if record
// returned an error.
func (l *Ledger) Drain(ctx context.Context, log *slog.Logger, record func(context.Context, tasks.Egress) error) {
	ok := true
	for ctx.Err() == nil {
		n, err := l.drain(ctx, log, record)
		if err != nil && ok && ctx.Err() == nil {
			log.WarnContext(ctx, "lines of the egress ledger cannot be written to the audit log now; they are kept in Redis and tried again", "error", err)
		}
		ok = err == nil
		if ok && n == batch {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
}

// drain records the next lines, and removes those that were recorded.
func (l *Ledger) drain(ctx context.Context, log *slog.Logger, record func(context.Context, tasks.Egress) error) (read int, err error) {
	lines, err := l.read(ctx)
	if err != nil {
		return 0, err
	}
	done := make([]bool, len(lines))
	var writers errgroup.Group
	for i, m := range lines {
		writers.Go(func() error {
			e, err := lineOf(m)
			if err != nil { // it must not block those after it
				log.WarnContext(ctx, "a line of the egress ledger cannot be read and was left out", "id", m.ID, "error", err)
			} else if err := record(ctx, e); err != nil {
				return err
			}
			done[i] = true
			return nil
		})
	}
	err = writers.Wait()
	var ids []string
	for i, m := range lines {
		if done[i] {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return len(lines), err
	}
	_, removed := l.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, linesKey, group, ids...)
		p.XDel(ctx, linesKey, ids...)
		return nil
	})
	return len(lines), errors.Join(err, removed)
}

// read returns the next lines: first those that another process has left.
func (l *Ledger) read(ctx context.Context) ([]redis.XMessage, error) {
	left, _, err := l.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: linesKey, Group: group, Consumer: consumer, MinIdle: claimed, Start: "0-0", Count: batch,
	}).Result()
	if err != nil && strings.HasPrefix(err.Error(), "NOGROUP") {
		if err = l.rdb.XGroupCreateMkStream(ctx, linesKey, group, "0").Err(); err != nil && strings.HasPrefix(err.Error(), "BUSYGROUP") {
			err = nil
		}
	}
	if err != nil || len(left) == batch {
		return left, err
	}
	fresh, err := l.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: consumer, Streams: []string{linesKey, ">"}, Count: batch - int64(len(left)), Block: -1,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	for _, stream := range fresh {
		left = append(left, stream.Messages...)
	}
	return left, nil
}

// lineOf reads a line of the stream.
func lineOf(m redis.XMessage) (e tasks.Egress, err error) {
	text := func(field string) string { t, _ := m.Values[field].(string); return t }
	if err := json.Unmarshal([]byte(text("line")), &e); err != nil {
		return e, err
	}
	millis, _, _ := strings.Cut(m.ID, "-")
	at, err := strconv.ParseInt(millis, 10, 64)
	if err != nil {
		return e, err
	}
	e.At, e.Series = time.UnixMilli(at).UTC(), text("series")
	e.Number, err = strconv.ParseInt(text("number"), 10, 64)
	return e, err
}
