package mailtest

func (s *POP3) serve(session int, k *link) {}
func (s *IMAP) serve(session int, k *link) {}
func (s *SMTP) serve(session int, k *link) {}
