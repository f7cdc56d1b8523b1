package config

import (
	"net/url"
	"strconv"

	"mailrill/internal/secret"
)

// proxy reads proxy and proxy_password_file. No error shows the address: it may
// hold a password.
func (t *table) proxy() *Proxy {
	file := t.path("proxy_password_file")
	text := t.str("proxy", "")
	if text == "" {
		if file != "" {
			t.fail("proxy_password_file", "proxy_password_file without proxy", "")
		}
		return nil
	}
	u, why := parseProxy(text)
	if why != "" {
		t.fail("proxy", "proxy "+why, "socks5://HOST:PORT or http://HOST:PORT, with USER@ before the host where it is needed")
		return nil
	}
	p := &Proxy{URL: u}
	password, inside := u.User.Password()
	switch {
	case inside && file != "":
		t.fail("proxy_password_file", "the proxy's password is given twice", "keep proxy_password_file")
	case inside:
		p.Password = &secret.Source{Password: password}
	case file != "":
		p.Password = &secret.Source{File: file}
		t.checkSecretFile("proxy_password_file", file)
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	if p.Password != nil && u.User.Username() == "" {
		t.fail("proxy", "the proxy has a password and no user", "socks5://USER@HOST:PORT")
	}
	return p
}

// proxyPorts are used where the address names none.
var proxyPorts = map[string]string{"socks5": "1080", "http": "8080"}

func parseProxy(text string) (u *url.URL, why string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "is no address"
	case proxyPorts[u.Scheme] == "":
		return nil, "must begin with socks5:// or http://"
	case u.Hostname() == "":
		return nil, "names no host"
	case (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return nil, "has more than a host and a port"
	}
	if u.Port() == "" {
		u.Host += ":" + proxyPorts[u.Scheme]
	}
	if n, err := strconv.Atoi(u.Port()); err != nil || n < 1 || n > 65535 {
		return nil, "has a port that is none"
	}
	u.Path = ""
	return u, ""
}

// hasPassword reports whether text is an address with a password in it.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return false
	}
	_, set := u.User.Password()
	return set
}
