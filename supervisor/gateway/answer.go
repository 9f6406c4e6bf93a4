package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is one of the Bot API, whole.
type answer struct {
	status int
	retry  string // header Retry-After
	body   []byte
}

// The answers that are made here, in the real server's words where it has some.
var (
	noUpdates    = &answer{status: http.StatusOK, body: []byte(`{"ok":true,"result":[]}`)}
	done         = &answer{status: http.StatusOK, body: []byte(`{"ok":true,"result":true}`)}
	notFound     = refusal(http.StatusNotFound, "Not Found")
	absoluteURI  = refusal(http.StatusNotFound, "Not Found: absolute URI is specified in the Request-Line")
	unauthorized = refusal(http.StatusUnauthorized, "Unauthorized")
	notHere      = refusal(http.StatusForbidden, "Forbidden: this gateway answers its own machine only; use 127.0.0.1 as the host")
	tooMany      = &answer{status: http.StatusTooManyRequests, retry: "1", body: []byte(`{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}}`)}
)

// refusal is an error as the real server words one (Query.cpp: JsonQueryError).
func refusal(code int, text string) *answer {
	quoted, _ := json.Marshal(text) // a string always can be
	return &answer{status: code, body: []byte(`{"ok":false,"error_code":` + strconv.Itoa(code) + `,"description":` + string(quoted) + `}`)}
}

// badGateway is what a client sees when the server cannot be reached.
func badGateway(detail string) *answer {
	return refusal(http.StatusBadGateway, "Bad Gateway: "+detail)
}

func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	if a.retry != "" {
		h["Retry-After"] = []string{a.retry}
	}
	w.WriteHeader(a.status)
	w.Write(a.body) //nolint:errcheck // a client that is gone asks again
}

// closeEmpty is what the real server's HTTP layer says: a status, no body, and the end of the connection.
func closeEmpty(w http.ResponseWriter, status int) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// maxUpdates bounds an answer to getUpdates, in bytes. The real server ends one before 4 MiB.
const maxUpdates = 64 << 20

// reading is what is read of an answer to getUpdates.
type reading struct {
	OK     bool `json:"ok"`
	Result []struct {
		ID int64 `json:"update_id"`
	} `json:"result"`
	Code        int    `json:"error_code"`
	Description string `json:"description"`
	Parameters  struct {
		RetryAfter int `json:"retry_after"`
	} `json:"parameters"`
}

// judge says what an answer to getUpdates means.
func judge(a *answer) outcome {
	var in reading
	if err := json.Unmarshal(a.body, &in); err != nil || in.OK != (a.status == http.StatusOK) {
		return outcome{kind: troubled, code: a.status, detail: "HTTP " + strconv.Itoa(a.status) + ", not an answer of the Bot API"}
	}
	out := outcome{code: a.status, detail: strconv.Itoa(a.status) + " " + in.Description}
	switch {
	case in.OK:
		out.kind = answered
		for i := range in.Result {
			out.ids = append(out.ids, in.Result[i].ID)
		}
	case a.status == http.StatusConflict && aboutWebhook(in.Description):
		out.kind = hooked
	case a.status == http.StatusConflict:
		out.kind = conflicted
	case a.status == http.StatusUnauthorized, a.status == http.StatusNotFound:
		out.kind = refused
	case a.status == http.StatusTooManyRequests:
		out.kind = throttled
		out.retry = time.Duration(min(max(in.Parameters.RetryAfter, 0), int(maxRetry/time.Second))) * time.Second
	case a.status >= http.StatusInternalServerError:
		out.kind = troubled
	default:
		out.kind = rejected
	}
	return out
}

// aboutWebhook tells the kinds of 409 apart (botapi: "can't use getUpdates method while webhook is active", "terminated by
// setWebhook request").
func aboutWebhook(description string) bool {
	return strings.Contains(strings.ToLower(description), "webhook") && !strings.Contains(description, "other getUpdates")
}

// without is the answer without the updates that drop names. An answer that it cannot take apart it returns as it is.
func (a *answer) without(drop func(id int64) bool) *answer {
	var whole struct {
		OK     bool              `json:"ok"`
		Result []json.RawMessage `json:"result"`
	}
	if json.Unmarshal(a.body, &whole) != nil {
		return a
	}
	kept := make([][]byte, 0, len(whole.Result))
	for _, raw := range whole.Result {
		var u struct {
			ID int64 `json:"update_id"`
		}
		if json.Unmarshal(raw, &u) == nil && !drop(u.ID) {
			kept = append(kept, raw)
		}
	}
	var b bytes.Buffer
	b.WriteString(`{"ok":true,"result":[`)
	b.Write(bytes.Join(kept, []byte(",\n")))
	b.WriteString(`]}`)
	return &answer{status: a.status, body: b.Bytes()}
}

// readAnswer takes an answer whole.
func readAnswer(resp *http.Response, body io.Reader) (*answer, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxUpdates+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxUpdates {
		return nil, errHuge
	}
	return &answer{status: resp.StatusCode, retry: resp.Header.Get("Retry-After"), body: b}, nil
}
