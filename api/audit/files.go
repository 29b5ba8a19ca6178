package audit

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tail is the end of a file of lines.
type tail struct {
	size int64  // up to the end of its last complete line
	last []byte // that line, without its break; nil: there is none
}

// maxLine bounds the length of a line: each of its members is bounded.
const maxLine = 64 << 10

// maxTorn is how much of the end of a file is read: more than one batch of lines.
const maxTorn = 8 << 20

// readTail finds the last complete line of a file, and returns what follows it: an
// incomplete line, or blocks that a file system filled with zeros after a power
// failure.
func readTail(f *os.File) (t tail, torn []byte, err error) {
	info, err := f.Stat()
	if err != nil {
		return t, nil, err
	}
	start := max(info.Size()-maxTorn, 0)
	text := make([]byte, info.Size()-start)
	if _, err := f.ReadAt(text, start); err != nil {
		return t, nil, err
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	for {
		begin := 0
		if end > 0 {
			begin = bytes.LastIndexByte(text[:end-1], '\n') + 1
		}
		if end == 0 && start > 0 {
			return t, nil, fmt.Errorf("%s: %w", f.Name(), errForm)
		}
		if !bytes.Contains(text[begin:end], []byte{0}) {
			t.size = start + int64(end)
			if end > 0 {
				t.last = text[begin : end-1]
			}
			return t, text[end:], nil
		}
		end = begin
	}
}

// lastLine returns the last line of a file that is complete.
func lastLine(path string, k Key) (e Entry, hash string, err error) {
	f, err := os.Open(path) //nolint:gosec // it is beside the log
	if err != nil {
		return e, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	t, torn, err := readTail(f)
	if err != nil {
		return e, "", err
	}
	if len(torn) > 0 || t.last == nil {
		return e, "", errForm
	}
	return readLine(t.last, k)
}

// archiveOf returns the name of a full file, with the day and the sequence number of
// its last line.
func archiveOf(path, day string, seq uint64) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%s-%012d%s", strings.TrimSuffix(path, ext), day, seq, ext)
}

// archives returns the full files of a log, oldest first.
func archives(path string) ([]string, error) {
	dir, ext := filepath.Dir(path), filepath.Ext(path)
	prefix := strings.TrimSuffix(filepath.Base(path), ext) + "-"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	last := map[string]uint64{} // the number of a file's last line
	for _, f := range entries {
		middle, ours := strings.CutPrefix(f.Name(), prefix)
		middle, theirs := strings.CutSuffix(middle, ext)
		_, number, numbered := strings.Cut(middle, "-")
		seq, err := strconv.ParseUint(number, 10, 64)
		if ours && theirs && numbered && err == nil {
			file := filepath.Join(dir, f.Name())
			files, last[file] = append(files, file), seq
		}
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(last[a], last[b]) })
	return files, nil
}

// writeNew writes and syncs a file that must not exist.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec // it is beside the log
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), syncDir(path))
}

// syncDir syncs the directory of a file.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func decodeBase64(text string) ([]byte, error) {
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		return raw, nil
	}
	return base64.RawURLEncoding.DecodeString(text)
}
