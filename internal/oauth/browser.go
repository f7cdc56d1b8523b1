package oauth

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"mailrill/internal/lang"
)

// A door is where the browser comes back to: a server on this machine alone, for
// one sign-in.
type door struct {
	redirect string // http://HOST:PORT
	host     string // HOST:PORT
	state    string
	lang     lang.Lang
	visits   chan visit // gets the first that counts
	once     sync.Once
	server   *http.Server
}

// A visit is what the browser brought.
type visit struct {
	code string
	err  error
}

// openDoor listens at a free port of the loopback interface. Where the redirect
// is to "localhost", browsers may try IPv6 first.
func openDoor(ctx context.Context, host string, l lang.Lang) (*door, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("wait for the browser: %w", err)
	}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	d := &door{host: net.JoinHostPort(host, port), state: newState(), lang: l, visits: make(chan visit, 1)}
	d.redirect = "http://" + d.host
	d.server = &http.Server{
		Handler: d, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // what a visitor does wrong may hold a code
	}
	go d.server.Serve(listener)
	if host == "localhost" {
		if six, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "[::1]:"+port); err == nil {
			go d.server.Serve(six)
		}
	}
	return d, nil
}

// close waits for a page that is on its way to the browser.
func (d *door) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if d.server.Shutdown(ctx) != nil {
		d.server.Close()
	}
}

// ServeHTTP takes the browser in. A page of another site can have a browser ask
// here, also under a name of its own that leads to this machine; it cannot know
// the state.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for key, value := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
	} {
		w.Header().Set(key, value)
	}
	switch {
	case r.Host != d.host:
		d.page(w, http.StatusMisdirectedRequest, pageForeign)
		return
	case r.Method != http.MethodGet || r.URL.Path != "/":
		d.page(w, http.StatusNotFound, pageForeign)
		return
	}
	code, err := d.judge(r.URL.Query())
	switch err.(type) {
	case notOurs:
		d.page(w, http.StatusBadRequest, pageForeign)
		return
	case nil:
		d.page(w, http.StatusOK, pageDone)
	default:
		d.page(w, http.StatusOK, pageRefused)
	}
	d.once.Do(func() { d.visits <- visit{code, err} })
}

var (
	pageDone = lang.Text{
		EN: "mailrill has got its answer. Close this page and go back to mailrill.",
		ZH: "mailrill 已收到登录结果。请关闭此页，回到 mailrill。",
	}
	pageRefused = lang.Text{
		EN: "The sign-in was refused. Close this page; mailrill says what to do.",
		ZH: "登录被拒绝。请关闭此页，回到 mailrill 查看处理办法。",
	}
	pageForeign = lang.Text{
		EN: "This is not the sign-in that mailrill waits for. Open the address that mailrill shows now.",
		ZH: "这不是 mailrill 正在等待的登录。请打开 mailrill 现在显示的地址。",
	}
)

func (d *door) page(w http.ResponseWriter, status int, text lang.Text) {
	w.WriteHeader(status)
	fmt.Fprintln(w, text.In(d.lang))
}
