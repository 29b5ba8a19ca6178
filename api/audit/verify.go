package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// Summary describes an intact chain.
type Summary struct {
	Lines       int
	First, Last uint64 // sequence numbers
	Before      string // the hash that the first line follows; "" if it begins the chain
	Hash        string // of the last line
	Anchored    bool   // the anchor was among the hashes
}

// Verify checks the files of one chain, oldest first: every line must have the right
// hash and follow the one before. Only the first line may follow a line that is not
// there. If an anchor is given, a hash that was noted elsewhere, the line with that
// hash must be there: only this reveals that lines are missing at the end. The error
// names the file and number of the first faulty line; the Summary describes the
// lines before it.
func Verify(files []string, k Key, anchor string) (Summary, error) {
	return read(files, k, anchor, func(Entry) {})
}

// read verifies files and calls each for their lines.
func read(files []string, k Key, anchor string, each func(Entry)) (Summary, error) {
	v := verifier{key: k, anchor: anchor, each: each}
	for _, path := range files {
		if err := v.file(path); err != nil {
			return v.Summary, err
		}
	}
	switch {
	case v.Lines == 0:
		return v.Summary, errors.New("there is no line to verify")
	case anchor != "" && !v.Anchored:
		return v.Summary, fmt.Errorf("no line has the hash %s: lines are missing at the end, or the whole log was rewritten", anchor)
	}
	return v.Summary, nil
}

type verifier struct {
	Summary

	key    Key
	anchor string
	each   func(Entry)
}

func (v *verifier) file(path string) (err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := bufio.NewReaderSize(f, maxLine)
	for number := 1; ; number++ {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case errors.Is(err, io.EOF):
			err = errors.New("it is incomplete: after a crash, which the next start repairs, or because something was cut off")
		case errors.Is(err, bufio.ErrBufferFull):
			err = errForm
		case err == nil:
			err = v.line(line[:len(line)-1])
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
}

// line checks the next line.
func (v *verifier) line(text []byte) error {
	e, hash, err := readLine(text, v.key)
	switch {
	case err != nil:
		return err
	case v.Lines == 0 && (e.Sequence == 1) != (e.Previous == ""):
		return errors.New("it is not the first line of a chain, and does not say which line it follows")
	case v.Lines == 0:
		v.First, v.Before = e.Sequence, e.Previous
	case e.Sequence != v.Last+1:
		return fmt.Errorf("its sequence number is %d after %d: lines are missing or were moved", e.Sequence, v.Last)
	case e.Previous != v.Hash:
		return errors.New("it does not follow the line before it")
	}
	v.Lines, v.Last, v.Hash = v.Lines+1, e.Sequence, hash
	v.Anchored = v.Anchored || hash == v.anchor || e.Previous == v.anchor && v.anchor != ""
	v.each(e)
	return nil
}
