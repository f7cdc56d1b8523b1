package main

import (
	"bytes"
	"testing"
	"time"

	"mailrill/internal/control"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A line of --once --json is what users were promised, to the octet.
func TestJSONLine(t *testing.T) {
	all := control.Result{Folder: "INBOX"}
	all.Listed, all.New, all.Delivered, all.AlreadyThere, all.Held = 1, 2, 3, 4, 5
	all.SkippedBacklog, all.SkippedSize, all.SourceDone, all.Bytes, all.Seconds = 6, 7, 8, 9, 10.98765
	none := control.Result{Error: &control.Failure{Class: reply.Credentials, Text: "no", Hint: lang.Text{EN: "change it", ZH: "修改"}, URL: "https://example.org/"}}
	var out bytes.Buffer
	a := &app{
		stdout: &out, getenv: func(string) string { return "" },
		now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) },
	}
	exit := a.printPass(&control.Pass{Account: "a", To: "home", Results: []control.Result{all, none}}, passFlags{json: true})
	want := `{"v":1,"time":"2026-01-02T03:04:05Z","account":"a","folder":"INBOX","to":"home","listed":1,"new":2,"delivered":3,"already_there":4,"held":5,` +
		`"skipped_backlog":6,"skipped_size":7,"source_done":8,"bytes":9,"seconds":10.987,"error":null}` + "\n" +
		`{"v":1,"time":"2026-01-02T03:04:05Z","account":"a","folder":null,"to":"home","listed":0,"new":0,"delivered":0,"already_there":0,"held":0,` +
		`"skipped_backlog":0,"skipped_size":0,"source_done":0,"bytes":0,"seconds":0,"error":{"class":"credentials","text":"no","hint":"change it","url":"https://example.org/"}}` + "\n"
	if exit != 77 || out.String() != want {
		t.Errorf("exit %d\n%swant\n%s", exit, out.String(), want)
	}
}
