package privacy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Key is an installation's secret for masking: the tokens of each job are
// derived from it, and the maps that lead back are sealed with it. The zero Key
// derives tokens, and seals nothing.
type Key struct{ secret []byte }

// keySize is the length of a key, in bytes.
const keySize = 32

// ParseKey reads a key of 32 bytes in base64; "" is the zero Key.
func ParseKey(s string) (Key, error) {
	if s == "" {
		return Key{}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != keySize {
		return Key{}, errors.New("want 32 bytes in base64, as from: openssl rand -base64 32")
	}
	return Key{raw}, nil
}

// String shows that there is a key, and nothing of it.
func (k Key) String() string {
	if k.secret == nil {
		return ""
	}
	return "[redacted]"
}

// GoString and MarshalText keep the key out of %#v and JSON.
func (k Key) GoString() string { return k.String() }

// MarshalText implements encoding.TextMarshaler.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a key as ParseKey does.
func (k *Key) UnmarshalText(text []byte) error {
	parsed, err := ParseKey(string(text))
	*k = parsed
	return err
}

// Seals reports whether maps can be sealed.
func (k Key) Seals() bool { return k.secret != nil }

// ForJob returns the key that a job's tokens are derived from.
func (k Key) ForJob(id string) []byte { return k.derive("tokens of " + id) }

func (k Key) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.secret, nil, "spillway masking: "+purpose, keySize)
	if err != nil {
		panic(err) // the length is right
	}
	return key
}

// errUnsealed says that a sealed map is not one, or of another key or job.
var errUnsealed = errors.New("the sealed map cannot be opened with this key for this job")

// Seal returns the mask's map, token to value, encrypted with AES-256-GCM for
// the job of that ID.
func (k Key) Seal(m *Mask, jobID string) ([]byte, error) {
	gcm, err := k.cipher()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(m.values())
	if err != nil {
		return nil, fmt.Errorf("seal the map: %w", err)
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return gcm.Seal(nonce, nonce, plain, []byte(jobID)), nil
}

// Open returns the map, token to value, that was sealed for the job.
func (k Key) Open(sealed []byte, jobID string) (map[string]string, error) {
	gcm, err := k.cipher()
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errUnsealed
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], []byte(jobID))
	if err != nil {
		return nil, errUnsealed
	}
	var values map[string]string
	if err := json.Unmarshal(plain, &values); err != nil {
		return nil, errUnsealed
	}
	return values, nil
}

func (k Key) cipher() (cipher.AEAD, error) {
	if !k.Seals() {
		return nil, errors.New("there is no key to seal maps with")
	}
	block, err := aes.NewCipher(k.derive("map"))
	if err != nil {
		return nil, fmt.Errorf("seal the map: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal the map: %w", err)
	}
	return gcm, nil
}

// values is the map that leads back: token to value.
func (m *Mask) values() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]string{}
	for _, e := range m.tokens.order {
		for i, spelling := range e.spellings {
			all[e.written(i)] = spelling
		}
	}
	return all
}
