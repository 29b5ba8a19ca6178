package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// logPart is what was read of a job's log.
type logPart struct {
	events []tasks.Event
	last   tasks.Event // the newest event of the log
	gone   bool        // there is no log, and no such job
}

// maxTrims is how often a log is read again because it was trimmed meanwhile.
const maxTrims = 10

// readLog reads up to limit events with a sequence number above after. It takes one
// round trip, unless the log has been trimmed or is a stream.
func (s *Store) readLog(ctx context.Context, id string, after, limit int64) (logPart, error) {
	// The first event may be in the record alone. An entry then lies one place earlier
	// than its number says.
	from := max(0, after-1)
	for range maxTrims {
		entries, log, err := s.readEntries(ctx, id, from, limit+1)
		if err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE") {
			return s.readStream(ctx, s.keys(id), id, after, limit)
		}
		if err != nil {
			return logPart{}, fmt.Errorf("read events: %w", unavailable(err))
		}
		if from > 0 && (len(entries) == 0 && log.last.Sequence > after || len(entries) > 0 && entries[0].Sequence > after+1) {
			from = max(0, after+1-log.first)
			continue
		}
		return log.choose(entries, after, limit), nil
	}
	return logPart{}, tasks.Errorf(tasks.CodeUnavailable, "The events of the job come faster than they can be read; try again shortly.")
}

// logEnds is what is known of a log besides its entries.
type logEnds struct {
	logPart

	first int64        // number of its first entry, 0 if there is none
	made  *tasks.Event // the event that the record holds; nil if it is in the log
}

// know notes the ends of a log, first and last, and the event that the record holds,
// which says when the job was created, and whether its first event is in the log.
func (l *logEnds) know(id string, record *redis.SliceCmd, first, last []tasks.Event) {
	for _, e := range first {
		l.first = e.Sequence
	}
	for _, e := range last {
		l.last = e
	}
	created, logged := text(record.Val(), 0), text(record.Val(), 1)
	if created != "" && logged == "" && (l.first == 0 || l.first == 2) {
		l.made = &tasks.Event{JobID: id, Sequence: 1, Type: tasks.EventQueued, At: millis(created), Data: json.RawMessage("{}")}
		if l.first == 0 {
			l.last = *l.made
		}
	}
	l.gone = l.last.Sequence == 0
}

// choose returns what was asked for of what was read.
func (l *logEnds) choose(entries []tasks.Event, after, limit int64) logPart {
	if l.made != nil {
		entries = append([]tasks.Event{*l.made}, entries...)
	}
	for _, e := range entries {
		if e.Sequence > after && int64(len(l.events)) < limit {
			l.events = append(l.events, e)
		}
	}
	return l.logPart
}

// readEntries reads n entries from the given place on, and the ends of the log.
func (s *Store) readEntries(ctx context.Context, id string, from, n int64) ([]tasks.Event, logEnds, error) {
	var record *redis.SliceCmd
	var entries, first, last *redis.StringSliceCmd
	k := s.keys(id)
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		entries = p.LRange(ctx, k.events(), from, from+n-1)
		first, last = p.LRange(ctx, k.events(), 0, 0), p.LRange(ctx, k.events(), -1, -1)
		record = p.HMGet(ctx, k.job(), "created", "logged")
		return nil
	})
	if err != nil {
		return nil, logEnds{}, err
	}
	log := logEnds{}
	log.know(id, record, decodeEvents(id, first.Val()), decodeEvents(id, last.Val()))
	return decodeEvents(id, entries.Val()), log, nil
}

// readStream is readLog for a job that a version before this one has made, or was the
// first to log an event of.
func (s *Store) readStream(ctx context.Context, k jobKeys, id string, after, limit int64) (logPart, error) {
	var record *redis.SliceCmd
	var entries, first, last *redis.XMessageSliceCmd
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		entries = p.XRangeN(ctx, k.events(), fmt.Sprintf("(%d-0", after), "+", limit)
		first, last = p.XRangeN(ctx, k.events(), "-", "+", 1), p.XRevRangeN(ctx, k.events(), "+", "-", 1)
		record = p.HMGet(ctx, k.job(), "created", "logged")
		return nil
	})
	if err != nil {
		return logPart{}, fmt.Errorf("read events: %w", unavailable(err))
	}
	log := logEnds{}
	log.know(id, record, decodeMessages(id, first.Val()), decodeMessages(id, last.Val()))
	return log.choose(decodeMessages(id, entries.Val()), after, limit), nil
}

// decodeEvents decodes entries of a log, as the scripts' prelude describes them. One
// that cannot be read is passed over.
func decodeEvents(id string, entries []string) []tasks.Event {
	events := make([]tasks.Event, 0, len(entries))
	for _, entry := range entries {
		part := strings.SplitN(entry, " ", 5)
		if len(part) < 5 {
			continue
		}
		e := tasks.Event{JobID: id, Type: tasks.EventType(part[3]), At: millis(part[2]), Data: json.RawMessage(part[4])}
		e.Sequence, _ = strconv.ParseInt(part[0], 10, 64)
		e.Attempt, _ = strconv.Atoi(part[1])
		events = append(events, e)
	}
	return events
}

func decodeMessages(id string, messages []redis.XMessage) []tasks.Event {
	events := make([]tasks.Event, len(messages))
	for i, m := range messages {
		field, e := fields(m), &events[i]
		*e = tasks.Event{JobID: id, Type: tasks.EventType(field("type")), At: millis(field("at")), Data: json.RawMessage(field("data"))}
		e.Sequence = int64(parseStreamID(m.ID).ms) //nolint:gosec // the scripts count from 1
		e.Attempt, _ = strconv.Atoi(field("attempt"))
	}
	return events
}
