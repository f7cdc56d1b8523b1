package mailtest

func (s *IMAP) serve(session int, k *link) {}
func (s *SMTP) serve(session int, k *link) {}
