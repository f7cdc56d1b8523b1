package mailtest

// qqParent is the folder below which QQ's website puts its owner's own.
const qqParent = "其他文件夹"

// QQFolders makes the folders that QQ Mail has besides INBOX, and own ones, which
// only its website can make. Their roles are told by XLIST alone.
func (s *Store) QQFolders(own ...string) {
	s.makeAll([][2]string{
		{qqParent, `\Noselect`}, {"Sent Messages", `\Sent`}, {"Drafts", `\Drafts`}, {"Deleted Messages", `\Trash`}, {"Junk", `\Junk`},
	})
	for _, name := range own {
		s.Create(qqParent + "/" + name)
	}
}

// NetEaseFolders makes the folders that 163.com has besides INBOX.
func (s *Store) NetEaseFolders() {
	s.makeAll([][2]string{{"草稿箱", `\Drafts`}, {"已发送", `\Sent`}, {"已删除", `\Trash`}, {"垃圾邮件", `\Junk`}})
	s.Create("病毒文件夹") // of viruses
}

// makeAll makes folders with an attribute. Those that are there stay as they are.
func (s *Store) makeAll(folders [][2]string) {
	there := s.Snapshot()
	for _, f := range folders {
		if _, made := there[f[0]]; !made {
			s.Create(f[0], f[1])
		}
	}
}
