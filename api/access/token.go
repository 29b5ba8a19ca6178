package access

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"regexp"
	"strings"
)

// A key reads spw_<env>_<id>_<secret><checksum>: a prefix that scanners for
// leaked secrets know, a word that distinguishes live keys from test keys, the ID
// under which the key is stored, 256 random bits, and the CRC-32 of everything before
// it. Everything after the word is base62. No character in it ends a word, so that a
// double click selects all of it.
const (
	tokenPrefix    = "spw_"
	idLength       = 12
	secretLength   = 43 // 62^43 > 2^256
	checksumLength = 6  // 62^6 > 2^32
)

// KeyPattern is the regular expression, in RE2 syntax, by which a scanner for
// leaked secrets finds keys.
const KeyPattern = `spw_[a-z0-9]{1,12}_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}`

var (
	keyPattern  = regexp.MustCompile(`\A` + KeyPattern + `\z`)
	envPattern  = regexp.MustCompile(`\A[a-z0-9]{1,12}\z`)
	idPattern   = regexp.MustCompile(`\A[0-9A-Za-z]{12}\z`)
	leakPattern = regexp.MustCompile(tokenPrefix + `[a-z0-9]{1,12}_[0-9A-Za-z]{12}_[0-9A-Za-z]+|eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*`)
)

// errToken gives no details, which would help those who guess.
var errToken = errors.New("malformed key")

// token is a key as its holder has it.
type token struct {
	id   string
	hash [sha256.Size]byte // of the whole text
	tail string            // the last four characters, by which people recognize a key
}

// newToken makes a key's text.
func newToken(env string) (text string, t token) {
	id := randomText(idLength)
	text = tokenPrefix + env + "_" + id + "_" + randomText(secretLength)
	text += checksum(text)
	return text, token{id, sha256.Sum256([]byte(text)), text[len(text)-4:]}
}

// parseToken reads a key. It needs no lookup to refuse a mistyped or truncated one,
// whose checksum is wrong.
func parseToken(text string) (token, error) {
	if !keyPattern.MatchString(text) {
		return token{}, errToken
	}
	body, sum := text[:len(text)-checksumLength], text[len(text)-checksumLength:]
	if checksum(body) != sum {
		return token{}, errToken
	}
	id := strings.Split(text, "_")[2]
	return token{id, sha256.Sum256([]byte(text)), text[len(text)-4:]}, nil
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomText returns n characters, each as likely as any other.
func randomText(n int) string {
	text := make([]byte, 0, n)
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // never fails: it ends the program instead
		for _, b := range random {
			if int(b) >= 256-256%len(base62) {
				continue // the first characters would be likelier
			}
			if text = append(text, base62[int(b)%len(base62)]); len(text) == n {
				return string(text)
			}
		}
	}
}

// checksum returns the CRC-32 of text in base62.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var digits [checksumLength]byte
	for i := checksumLength - 1; i >= 0; i-- {
		digits[i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return string(digits[:])
}

// Redact returns text without the secrets of keys and without JSON Web Tokens in it.
// The ID of a key stays.
func Redact(text string) string {
	if !strings.Contains(text, tokenPrefix) && !strings.Contains(text, "eyJ") {
		return text
	}
	return leakPattern.ReplaceAllStringFunc(text, func(found string) string {
		if i := strings.LastIndexByte(found, '_'); strings.HasPrefix(found, tokenPrefix) {
			return found[:i+1] + "***"
		}
		return "***"
	})
}
