package web

import (
	"encoding/json"
	"net/http"

	"mailrill/internal/reply"
)

const index = `mailrill

/metrics   for Prometheus
/healthz   200 when all is well, else 503 with the reasons
`

// answer serves the three pages; there is nothing else.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		write(w, http.StatusOK, "text/plain; charset=utf-8", []byte(index))
	case "/metrics":
		s.answerMetrics(w)
	case "/healthz":
		s.answerHealth(w)
	default:
		refuse(w, http.StatusNotFound, "there is /metrics and /healthz")
	}
}

func (s *Server) answerMetrics(w http.ResponseWriter) {
	text, err := s.metrics.Text()
	if err != nil {
		s.log.Error("metrics", "err", reply.Clean(err.Error()))
		refuse(w, http.StatusInternalServerError, "the log says why")
		return
	}
	write(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", text)
}

func (s *Server) answerHealth(w http.ResponseWriter) {
	v := s.verdict()
	v.Version = s.version
	status := http.StatusOK
	if !v.healthy() {
		status = http.StatusServiceUnavailable
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		s.log.Error("health", "err", err)
		refuse(w, http.StatusInternalServerError, "the log says why")
		return
	}
	write(w, status, "application/json", append(text, '\n'))
}

func write(w http.ResponseWriter, status int, kind string, text []byte) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(text) // who asked is gone: nobody is left to be told
}
