package doctor

import (
	"path"
	"slices"
	"strings"
)

// command is one simple command of a shell's text.
type command struct {
	words []string // without its settings; variables stay as they are written
	env   []string // NAME=value before it
	dir   string   // after "cd DIR &&", relative to where the text is run; "" there
}

// maxCommands bounds what is read of one text: real ones have a handful.
const maxCommands = 64

// commands splits the text that a shell would run into its simple commands. Nothing is expanded. What stands behind
// || is another way for when the first fails, and is left out.
func commands(text string) []command {
	var list []command
	var c command
	dir, skip := "", false
	end := func(operator string) {
		if trimmed := keyword(c); !skip && len(trimmed.words) > 0 && len(list) < maxCommands {
			if trimmed.words[0] == "cd" && len(trimmed.words) == 2 {
				dir = path.Join(dir, trimmed.words[1])
			} else {
				trimmed.dir = dir
				list = append(list, trimmed)
			}
		}
		c = command{}
		skip = operator == "||"
	}
	s := scanner{text: text}
	for {
		word, operator, ok := s.next()
		switch {
		case !ok:
			end("")
			return list
		case operator != "":
			end(operator)
		case len(c.words) == 0 && isSetting(word):
			c.env = append(c.env, word)
		default:
			c.words = append(c.words, word)
		}
	}
}

// keyword drops the words of the shell's language before a command.
func keyword(c command) command {
	for len(c.words) > 0 {
		switch c.words[0] {
		case "if", "then", "else", "elif", "do", "while", "until", "!", "{", "time":
			c.words = c.words[1:]
		case "fi", "done", "}", "for", "case", "esac", "set", "export", "trap", "wait":
			c.words = nil
		default:
			return c
		}
	}
	return c
}

func isSetting(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// scanner cuts a shell's text into words and operators.
type scanner struct {
	text string
	at   int
}

// next is the next word or operator; false at the end.
func (s *scanner) next() (word, operator string, ok bool) {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == ' ' || c == '\t' || c == '\r':
			s.at++
		case c == '\\' && strings.HasPrefix(s.text[s.at+1:], "\n"):
			s.at += 2
		case c == '#':
			if i := strings.IndexByte(s.text[s.at:], '\n'); i >= 0 {
				s.at += i
			} else {
				s.at = len(s.text)
			}
		case strings.IndexByte("\n;&|()", c) >= 0:
			return "", s.operator(), true
		case c == '<' || c == '>':
			s.redirection()
		default:
			w := s.word()
			if s.at < len(s.text) && strings.IndexByte("<>", s.text[s.at]) >= 0 && strings.Trim(w, "0123456789") == "" {
				s.redirection() // 2>file
				continue
			}
			return w, "", true
		}
	}
	return "", "", false
}

func (s *scanner) operator() string {
	if rest := s.text[s.at:]; strings.HasPrefix(rest, "&>") {
		s.at++
		s.redirection()
		return " " // ends nothing but the command's words, and those follow seldom
	}
	n := 1
	if s.at+1 < len(s.text) && s.text[s.at+1] == s.text[s.at] && strings.IndexByte("&|;", s.text[s.at]) >= 0 {
		n = 2
	}
	s.at += n
	return s.text[s.at-n : s.at]
}

// redirection skips one with the word that it names.
func (s *scanner) redirection() {
	for s.at < len(s.text) && strings.IndexByte("<>&|", s.text[s.at]) >= 0 {
		s.at++
	}
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
	s.word()
}

// word reads one, its quotes removed. An expansion is one piece: "${PORT:-8000}", "$(nproc)", "`nproc`".
func (s *scanner) word() string {
	var b strings.Builder
	var quote byte
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\' && quote != '\'' && s.at+1 < len(s.text):
			s.at++
			if s.text[s.at] != '\n' {
				b.WriteByte(s.text[s.at])
			}
		case c == '$' && quote != '\'' && s.at+1 < len(s.text) && (s.text[s.at+1] == '{' || s.text[s.at+1] == '('):
			n := balanced(s.text[s.at+1:])
			b.WriteString(s.text[s.at : s.at+1+n])
			s.at += n
		case c == '`' && quote != '\'':
			n := strings.IndexByte(s.text[s.at+1:], '`')
			if n < 0 {
				n = len(s.text) - s.at - 2
			}
			b.WriteString(s.text[s.at : s.at+n+2])
			s.at += n + 1
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte(" \t\r\n;&|()<>", c) >= 0:
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// balanced is the length of what begins with a bracket, up to the one that closes it.
func balanced(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{', '(':
			depth++
		case '}', ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// nested is the text of "sh -c TEXT", and of the like; "" when words are no such command.
func nested(words []string) string {
	for i, w := range words {
		if i > 4 {
			return ""
		}
		if !slices.Contains([]string{"sh", "bash", "dash", "zsh", "ash", "ksh"}, path.Base(w)) {
			continue
		}
		for j, option := range words[i+1:] {
			switch {
			case !strings.HasPrefix(option, "-"):
				return ""
			case !strings.HasPrefix(option, "--") && strings.Contains(option, "c"):
				for _, text := range words[i+j+2:] {
					if !strings.HasPrefix(text, "-") {
						return text
					}
				}
				return ""
			}
		}
		return ""
	}
	return ""
}
