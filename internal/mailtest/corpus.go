package mailtest

// A Shape is an odd message and its name.
type Shape struct {
	Name string
	Body []byte
}
