package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// post sends a call as JSON and returns status and body.
func post(t *testing.T, base, path, body string) (int, string) {
	t.Helper()
	return ask(t, "POST", base+path, "application/json", body)
}

func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sendFile uploads a file under a field's name.
func sendFile(t *testing.T, target, field, name string, data []byte, pairs ...string) (int, string) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for i := 0; i < len(pairs); i += 2 {
		w.WriteField(pairs[i], pairs[i+1])
	}
	part, err := w.CreateFormFile(field, name)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(data)
	w.Close()
	return ask(t, "POST", target, w.FormDataContentType(), form.String())
}

func TestPhotosAndDocuments(t *testing.T) {
	_, base := serveHTTP(t)
	api := base + "/bot" + tok
	pic := picture(t, 64, 32)
	code, body := sendFile(t, api+"/sendPhoto", "photo", "chart.png", pic, "chat_id", "7", "caption", "<b>now</b>", "parse_mode", "HTML")
	var sent struct {
		Result struct {
			Photo []struct {
				ID            string `json:"file_id"`
				Width, Height int
			}
			Caption  string
			Entities []struct{ Type string } `json:"caption_entities"`
		}
	}
	json.Unmarshal([]byte(body), &sent)
	if code != 200 || len(sent.Result.Photo) != 1 || sent.Result.Photo[0].Width != 64 || sent.Result.Caption != "now" || sent.Result.Entities[0].Type != "bold" {
		t.Fatalf("%d %s", code, body)
	}
	id := sent.Result.Photo[0].ID
	_, body = ask(t, "GET", api+"/getFile?file_id="+id, "", "")
	var file struct {
		Result struct {
			Path string `json:"file_path"`
		}
	}
	json.Unmarshal([]byte(body), &file)
	if code, content := ask(t, "GET", base+"/file/bot"+tok+"/"+file.Result.Path, "", ""); code != 200 || content != string(pic) {
		t.Errorf("%d, %d bytes, want the picture", code, len(content))
	}
	if code, _ := ask(t, "GET", base+"/file/bot43:abc/"+file.Result.Path, "", ""); code != 404 {
		t.Errorf("another bot's file: %d", code)
	}
	for _, tc := range []struct {
		code int
		body string
		want string
	}{
		first(sendFile(t, api+"/sendPhoto", "photo", "x.png", []byte("no picture"), "chat_id", "7"))("IMAGE_PROCESS_FAILED"),
		first(sendFile(t, api+"/sendPhoto", "photo", "x.png", picture(t, 100, 1), "chat_id", "7"))("PHOTO_INVALID_DIMENSIONS"),
		first(sendFile(t, api+"/sendDocument", "document", "x.txt", nil, "chat_id", "7"))("file must be non-empty"),
		first(post(t, api, "/sendDocument", `{"chat_id":7}`))("there is no document in the request"),
		first(post(t, api, "/sendDocument", `{"chat_id":7,"document":"https://example.org/x"}`))("failed to get HTTP URL content"),
		first(post(t, api, "/sendDocument", `{"chat_id":7,"document":"`+id+`"}`))("can't use file of type Photo as Document"),
		first(post(t, api, "/getFile", `{"file_id":"x"}`))("invalid file_id"),
	} {
		if tc.code != 400 || !strings.Contains(tc.body, tc.want) {
			t.Errorf("%d %s, want %s", tc.code, tc.body, tc.want)
		}
	}
	if code, body := sendFile(t, api+"/sendDocument", "up", "note.txt", []byte("hello"), "chat_id", "7", "document", "attach://up"); code != 200 || !strings.Contains(body, `"file_name":"note.txt","mime_type":"text/plain"`) {
		t.Errorf("attach: %d %s", code, body)
	}
	if code, body := post(t, api, "/sendPhoto", `{"chat_id":7,"photo":"`+id+`"}`); code != 200 || !strings.Contains(body, id) {
		t.Errorf("by file_id: %d %s", code, body)
	}
}

type outcome = struct {
	code int
	body string
	want string
}

func first(code int, body string) func(want string) outcome {
	return func(want string) outcome { return outcome{code, body, want} }
}

func TestEditsDeletesAndButtons(t *testing.T) {
	_, base := serveHTTP(t)
	api := base + "/bot" + tok
	keyboard := `{"inline_keyboard":[[{"text":"More","callback_data":"more"},{"text":"Site","url":"https://example.org"}]]}`
	post(t, api, "/sendMessage", `{"chat_id":1000,"text":"one","reply_markup":`+keyboard+`}`)
	steps := []struct{ path, body, want string }{
		{"/editMessageText", `{"chat_id":1000,"message_id":1,"text":"one","reply_markup":` + keyboard + `}`, "message is not modified"},
		{"/editMessageText", `{"chat_id":1000,"message_id":9,"text":"two"}`, "message to edit not found"},
		{"/editMessageText", `{"chat_id":1000,"message_id":1,"text":"*two","parse_mode":"Markdown"}`, "can't parse entities"},
		{"/sendMessage", `{"chat_id":1000,"text":"x","reply_markup":{"inline_keyboard":[[{"text":"a"}]]}}`, "Text buttons are unallowed"},
		{"/sendMessage", `{"chat_id":1000,"text":"x","reply_parameters":{"message_id":99}}`, "message to be replied not found"},
		{"/editMessageText", `{"chat_id":1000,"message_id":1,"text":"two","reply_markup":{"keyboard":[["a"]]}}`, "inline keyboard expected"},
		{"/sendMessage", `{"chat_id":1000,"text":" "}`, "text must be non-empty"},
		{"/answerCallbackQuery", `{"callback_query_id":"77"}`, "query is too old"},
		{"/sendChatAction", `{"chat_id":1000,"action":"dance"}`, "wrong parameter action"},
		{"/getChat", `{"chat_id":4}`, "chat not found"},
		{"/setMyCommands", `{"commands":[{"command":"Bad!","description":"x"}]}`, "BOT_COMMAND_INVALID"},
		{"/setMyCommands", `{"commands":[{"command":"good","description":""}]}`, "BOT_COMMAND_DESCRIPTION_INVALID"},
		{"/deleteMessage", `{"chat_id":1000,"message_id":9}`, "message to delete not found"},
	}
	for _, tc := range steps {
		if code, body := post(t, api, tc.path, tc.body); code != 400 || !strings.Contains(body, tc.want) {
			t.Errorf("%s %s: %d %s, want %s", tc.path, tc.body, code, body, tc.want)
		}
	}
	if code, body := post(t, base, "/sandbox/press", `{"message_id":1,"data":"less"}`); code != 400 || !strings.Contains(body, "no button") {
		t.Errorf("a button that is not there: %d %s", code, body)
	}
	post(t, base, "/sandbox/press", `{"message_id":1,"data":"more"}`)
	if _, body := post(t, api, "/getUpdates", ""); !strings.Contains(body, `"callback_query":{"id":"1","from":{"id":1000`) || !strings.Contains(body, `"data":"more"`) {
		t.Errorf("update %s", body)
	}
	for _, tc := range []struct{ path, body string }{
		{"/answerCallbackQuery", `{"callback_query_id":"1","text":"here","show_alert":true}`},
		{"/editMessageText", `{"chat_id":1000,"message_id":1,"text":"two"}`},
		{"/editMessageReplyMarkup", `{"chat_id":1000,"message_id":1,"reply_markup":` + keyboard + `}`},
		{"/sendMessage", `{"chat_id":1000,"text":"three","reply_parameters":{"message_id":1}}`},
		{"/setMyCommands", `{"commands":[{"command":"/start","description":"Begin"}]}`},
		{"/sendChatAction", `{"chat_id":1000,"action":"typing"}`},
		{"/getChat", `{"chat_id":1000}`},
	} {
		if code, body := post(t, api, tc.path, tc.body); code != 200 {
			t.Errorf("%s: %d %s", tc.path, code, body)
		}
	}
	var v view
	_, body := ask(t, "GET", base+"/sandbox/view", "", "")
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	m := v.Chat.Messages
	if len(m) != 2 || m[0].Text != "two" || !m[0].Edited || m[0].Keyboard[0][0].Data != "more" || m[1].ReplyTo.Text != "two" {
		t.Errorf("messages %+v", m)
	}
	if n := v.Chat.Notices; len(n) != 1 || n[0].Text != "here" || !n[0].Alert {
		t.Errorf("notices %+v", n)
	}
	if v.Chat.Action != "typing" || v.Bot.Commands[0].Command != "start" || v.Poll.Requests[0].Method != "getchat" {
		t.Errorf("view %s", body)
	}
	post(t, api, "/deleteMessage", `{"chat_id":1000,"message_id":1}`)
	var after view
	_, body = ask(t, "GET", base+"/sandbox/view", "", "")
	if json.Unmarshal([]byte(body), &after); len(after.Chat.Messages) != 1 {
		t.Errorf("deleted, and still there: %s", body)
	}
}

func TestPeopleUploadFiles(t *testing.T) {
	_, base := serveHTTP(t)
	api := base + "/bot" + tok
	post(t, api, "/getMe", "")
	ask(t, "POST", base+"/sandbox/upload?name=../../etc/pic.png&caption=look", "", string(picture(t, 8, 8)))
	ask(t, "POST", base+"/sandbox/upload?name=a.html", "", "<script>alert(1)</script>")
	_, body := post(t, api, "/getUpdates", "")
	if !strings.Contains(body, `"photo":[{`) || !strings.Contains(body, `"caption":"look"`) || !strings.Contains(body, `"file_name":"a.html"`) {
		t.Errorf("updates %s", body)
	}
	var v view
	_, body = ask(t, "GET", base+"/sandbox/view", "", "")
	json.Unmarshal([]byte(body), &v)
	resp, err := http.Get(base + "/sandbox/file/" + v.Chat.Messages[1].Document.File)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("a page must not run with the sandbox's origin: %v", resp.Header)
	}
}

func TestBotsAndUsersAreAdded(t *testing.T) {
	_, base := serveHTTP(t)
	var made struct{ Bot, Token string }
	_, body := post(t, base, "/sandbox/bots", `{"name":"Helper"}`)
	json.Unmarshal([]byte(body), &made)
	if code, body := post(t, base, "/bot"+made.Token+"/getMe", ""); code != 200 || !strings.Contains(body, `"first_name":"Helper"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := post(t, base, "/sandbox/users", `{"first_name":"Second"}`); code != 200 || !strings.Contains(body, `{"id":1001}`) {
		t.Errorf("%d %s", code, body)
	}
	post(t, base, "/sandbox/send", `{"text":"hi","user":1001}`)
	post(t, base, "/sandbox/send", `{"text":"all","user":1001,"chat":-5}`)
	_, body = post(t, base, "/bot"+made.Token+"/getUpdates", "")
	if !strings.Contains(body, `"chat":{"id":1001,"first_name":"Second","type":"private"}`) || !strings.Contains(body, `"chat":{"id":-5,"title":"Sandbox group","type":"group"`) {
		t.Errorf("updates %s", body)
	}
	strict := httptest.NewServer(New(Options{Tokens: []string{tok}}))
	defer strict.Close()
	if code, body := post(t, strict.URL, "/sandbox/bots", ""); code != 400 || !strings.Contains(body, "the tokens that it was started with") {
		t.Errorf("%d %s", code, body)
	}
}

func TestRealTrouble(t *testing.T) {
	_, base := serveHTTP(t)
	api := base + "/bot" + tok
	post(t, api, "/getMe", "")
	post(t, base, "/sandbox/fault", `{"reset":true}`)
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // a reused connection would be tried again
	if resp, err := fresh.Post(api+"/getMe", "", nil); err == nil {
		resp.Body.Close()
		t.Errorf("answered %s, want a reset", resp.Status)
	}
	post(t, base, "/sandbox/fault", `{"status":502,"html":true}`)
	if code, body := post(t, api, "/getMe", ""); code != 502 || !strings.HasPrefix(body, "<html>") {
		t.Errorf("%d %s", code, body)
	}
	for _, bad := range []string{`{}`, `{"status":200}`, `{"status":500,"hang":true}`, `{"status":500,"count":-1}`, `[]`, `{"status":"x"}`} {
		if code, body := post(t, base, "/sandbox/fault", bad); code != 400 || !strings.Contains(body, `"error"`) {
			t.Errorf("%s: %d %s", bad, code, body)
		}
	}
	post(t, base, "/sandbox/fault", `{"status":500,"for_seconds":1000}`)
	if code, body := post(t, base, "/sandbox/fault/clear", ""); code != 200 || !strings.Contains(body, `{"cleared":1}`) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := post(t, api, "/getMe", ""); code != 200 {
		t.Errorf("after clear: %d", code)
	}
}

func TestInjectedMessagesArriveInOrder(t *testing.T) {
	_, base := serveHTTP(t)
	api := base + "/bot" + tok
	post(t, api, "/getMe", "")
	post(t, base, "/sandbox/inject", `{"count":300,"rate":3000,"users":3}`)
	next, seen := int64(0), 0
	for seen < 300 {
		var got struct {
			Result []struct {
				ID      int64 `json:"update_id"`
				Message struct{ Text string }
			}
		}
		_, body := ask(t, "GET", fmt.Sprintf("%s/getUpdates?timeout=20&offset=%d", api, next), "", "")
		if json.Unmarshal([]byte(body), &got) != nil || len(got.Result) == 0 {
			t.Fatalf("after %d: %s", seen, body)
		}
		for _, u := range got.Result {
			seen++
			if next = u.ID + 1; u.Message.Text != fmt.Sprintf("message %d", seen) {
				t.Fatalf("%q, want number %d", u.Message.Text, seen)
			}
		}
	}
	ask(t, "GET", fmt.Sprintf("%s/getUpdates?offset=%d", api, next), "", "")
	v, err := (&Client{Base: base}).Verdict(t.Context())
	if err != nil || v.Updates != 300 || v.DeliveredTwice+v.Lost+v.ConfirmedUnseen+v.Pending != 0 || v.DeliveryP99Millis < v.DeliveryP50Millis {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAViewWaitsForAChange(t *testing.T) {
	_, base := serveHTTP(t)
	post(t, base, "/bot"+tok+"/getMe", "")
	var v view
	_, body := ask(t, "GET", base+"/sandbox/view", "", "")
	json.Unmarshal([]byte(body), &v)
	done := make(chan string, 1)
	go func() {
		resp, err := http.Get(fmt.Sprintf("%s/sandbox/view?after=%d&wait=60", base, v.Version))
		if err != nil {
			done <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		done <- string(b)
	}()
	select {
	case body := <-done:
		t.Fatalf("answered without a change: %s", body)
	case <-time.After(100 * time.Millisecond):
	}
	post(t, base, "/sandbox/send", `{"text":"news"}`)
	if body := <-done; !strings.Contains(body, `"text":"news"`) {
		t.Errorf("view %s", body)
	}
}
