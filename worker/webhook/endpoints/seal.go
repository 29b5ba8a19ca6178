package endpoints

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/topcentral/spillway/worker/webhook"
)

// sealer keeps endpoints' secrets unreadable in Redis, under keys
// derived from the installation's own webhook secrets: the first seals, all
// open.
type sealer []cipher.AEAD

// newSealer returns a sealer of at least one key. A key is any high-entropy
// text.
func newSealer(keys []string) (sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("webhook endpoints need a secret of the installation to keep theirs with")
	}
	var s sealer
	for _, k := range keys {
		derived, err := hkdf.Key(sha256.New, []byte(k), nil, "spillway webhook endpoint secrets", 32)
		if err != nil {
			return nil, fmt.Errorf("derive key: %w", err)
		}
		block, err := aes.NewCipher(derived)
		if err != nil {
			return nil, fmt.Errorf("cipher: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("cipher: %w", err)
		}
		s = append(s, aead)
	}
	return s, nil
}

// seal encrypts a secret of the endpoint of that ID, which it can be opened for
// alone.
func (s sealer) seal(id, secret string) string {
	nonce := make([]byte, s[0].NonceSize())
	_, _ = rand.Read(nonce) // never fails: it ends the program instead
	return base64.RawStdEncoding.EncodeToString(s[0].Seal(nonce, nonce, []byte(secret), []byte(id)))
}

// open decrypts a secret, and reports whether another key than the first has
// sealed it.
func (s sealer) open(id, sealed string) (secret string, old bool, err error) {
	box, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(box) < s[0].NonceSize() {
		return "", false, webhook.ErrNoSecret
	}
	for i, aead := range s {
		n := aead.NonceSize()
		if secret, err := aead.Open(nil, box[:n], box[n:], []byte(id)); err == nil {
			return string(secret), i > 0, nil
		}
	}
	return "", false, webhook.ErrNoSecret
}
