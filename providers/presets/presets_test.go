package presets

import "testing"

func TestTheEmbeddedListIsSound(t *testing.T) {
	if _, err := parse(embedded); err != nil {
		t.Fatal(err)
	}
}
