package redisconn

import "testing"

func FuzzInfo(f *testing.F) {
	f.Add("# Server\r\nredis_version:7.2.4\r\naof_enabled:1\r\n", "7.2.4")
	f.Add(":\r\n::", "7")
	f.Add("a", "-1.x")
	f.Fuzz(func(_ *testing.T, info, version string) {
		_ = parseInfo(info)
		_ = Node{Version: version}.AtLeast(6, 2)
	})
}
