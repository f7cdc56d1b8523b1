package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"mailrill/internal/config"
)

// headers go with every answer: nothing of it is to be shown, kept, or read by a
// page of somebody else.
var headers = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"Cache-Control":                "no-store",
}

// guarded lets through what asks for nothing but an answer, by a name of ours.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		reached, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		switch {
		case !allowed(r.Host, reached, s.config()):
			refuse(w, http.StatusMisdirectedRequest, "this host is not known here: name it in [web] hosts")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "GET and HEAD only")
		case r.ContentLength != 0:
			refuse(w, http.StatusRequestEntityTooLarge, "nothing can be sent here")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// refuse answers with words of ours alone: nothing of the request comes back.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Connection", "close")
	http.Error(w, why, status)
}

// allowed reports whether a Host header names this server. A page whose name was
// made to lead here cannot give it one of these: a name of this machine, the
// address that the connection came to, and what the config lists.
func allowed(header string, reached net.Addr, web config.Web) bool {
	host := hostOf(header)
	if host == "" {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip == addrOf(reached) || listed(host, web)
	}
	return host == "localhost" || listed(host, web)
}

// listed reports whether the config names host.
func listed(host string, web config.Web) bool {
	return host == hostOf(web.Listen) || slices.ContainsFunc(web.Hosts, func(name string) bool { return host == plain(name) })
}

// hostOf returns the host of HOST or HOST:PORT in one spelling, "" for what is
// neither.
func hostOf(s string) string {
	if !strings.Contains(s, ":") || strings.HasSuffix(s, "]") {
		s += ":0"
	}
	host, port, err := net.SplitHostPort(s)
	_, ipErr := netip.ParseAddr(host)
	bracketed := strings.HasPrefix(s, "[")
	if err != nil || strings.Trim(port, "0123456789") != "" || bracketed && ipErr != nil || strings.ContainsAny(host, "@/") {
		return ""
	}
	return plain(host)
}

// plain is the one spelling of a name or address.
func plain(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func addrOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
