package budget

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// hold is a reservation, as the scripts have it.
type hold struct {
	amount   tasks.Money // reserved
	accounts []string    // keys of the day's and of the month's
	owners   []string
	estimate tasks.Money // booked when it lapses
	lapses   time.Time
}

// hold encodes the reservation of the call.
func (b *booking) hold() string {
	fields := []string{b.id, strconv.FormatInt(int64(b.amount), 10), dayKey(b.at), monthKey(b.at)}
	for _, a := range b.accounts[:3] {
		fields = append(fields, a.owner())
	}
	fields = append(fields, strconv.FormatInt(int64(b.lapsed), 10))
	return strings.Join(fields, "\n")
}

// parseHold decodes a reservation. Those of an older version have no estimate, and
// the whole amount is booked when they lapse.
func parseHold(z redis.Z) (h hold, ok bool) {
	member, _ := z.Member.(string)
	fields := strings.Split(member, "\n")
	if len(fields) < 7 {
		return h, false
	}
	h = hold{amount: amount(fields[1]), accounts: fields[2:4], owners: fields[4:7], lapses: time.UnixMilli(int64(z.Score))}
	h.estimate = h.amount
	if len(fields) > 7 {
		h.estimate = amount(fields[7])
	}
	return h, true
}

// holds are all reservations.
type holds []hold

func readHolds(ctx context.Context, rdb redis.UniversalClient) (holds, error) {
	all, err := rdb.ZRangeWithScores(ctx, holdsKey, 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read the reservations of calls: %w", err)
	}
	var hs holds
	for _, z := range all {
		if h, ok := parseHold(z); ok {
			hs = append(hs, h)
		}
	}
	return hs, nil
}

// reservedField is the field to which addTo adds what is reserved.
const reservedField = "reserved"

// addTo adds the reservations on the account of a key to its fields. One that has
// lapsed counts as spent, as the next call will book it.
func (hs holds) addTo(fields map[string]string, key string) {
	add := func(field string, n tasks.Money) {
		fields[field] = strconv.FormatInt(int64(amount(fields[field])+n), 10)
	}
	now := time.Now()
	for _, h := range hs {
		for _, account := range h.accounts {
			if account != key {
				continue
			}
			for _, owner := range h.owners {
				if h.lapses.Before(now) {
					add("spent "+owner, h.estimate)
					add("estimated "+owner, h.estimate)
				} else {
					add(reservedField+" "+owner, h.amount)
				}
			}
		}
	}
}
