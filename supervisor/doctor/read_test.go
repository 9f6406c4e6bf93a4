package doctor

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// plainProgram reads the simple command lines of these tests, as package stale does the real ones.
func plainProgram(argv []string) Program {
	for len(argv) > 0 && slices.Contains([]string{"exec", "nohup", "tini", "--"}, path.Base(argv[0])) {
		argv = argv[1:]
	}
	if len(argv) == 0 {
		return Program{}
	}
	switch base := path.Base(argv[0]); {
	case len(argv) > 1 && argv[1] == "-m":
		return Program{Kind: Module, Name: argv[2], Args: argv[3:]}
	case (strings.HasPrefix(base, "python") || base == "node") && len(argv) > 1:
		return Program{Kind: Script, Name: argv[1], Args: argv[2:]}
	case (base == "uvicorn" || base == "gunicorn") && len(argv) > 1:
		return Program{Kind: App, Name: argv[1], Args: argv[2:]}
	}
	return Program{Kind: Native, Name: argv[0], Args: argv[1:]}
}

const (
	pollingBot = "from telegram.ext import ApplicationBuilder\n# app.run_polling()\napp.run_polling()\n"
	pollingAPI = "import telegram\nawait bot.updater.start_polling()\n"
	quietWeb   = "from fastapi import FastAPI\napp = FastAPI()\n"
)

func TestCommandsOfAShell(t *testing.T) {
	for text, want := range map[string]string{
		`python bot.py`: `python bot.py`,
		`cd app && exec uvicorn api_server:app --port $PORT`:     `app: exec uvicorn api_server:app --port $PORT`,
		`A=1 B="x y" python bot.py; python 'my bot.py'`:          `A=1 B=x y python bot.py | python my bot.py`,
		`python bot.py & uvicorn web:app --port ${PORT:-8 0} `:   `python bot.py | uvicorn web:app --port ${PORT:-8 0}`,
		`python bot.py || python other.py; node a.js`:            `python bot.py | node a.js`,
		`python bot.py 2>&1 >>log 2>/dev/null | tee -a x`:        `python bot.py | tee -a x`,
		"if true; then python a.py; fi # python b.py\nnode c.js": `true | python a.py | node c.js`,
		`(python a.py) && { python b.py; }`:                      `python a.py | python b.py`,
		`gunicorn -w $(nproc --all) app:app`:                     `gunicorn -w $(nproc --all) app:app`,
		"python \\\n bot.py":                                     `python bot.py`,
		`python bot.py &> log`:                                   `python bot.py`,
		`echo "unfinished`:                                       `echo unfinished`,
		``:                                                       ``,
	} {
		var got []string
		for _, c := range commands(text) {
			line := strings.Join(append(c.env, c.words...), " ")
			if c.dir != "" {
				line = c.dir + ": " + line
			}
			got = append(got, line)
		}
		if s := strings.Join(got, " | "); s != want {
			t.Errorf("%q: %s\nwant %s", text, s, want)
		}
	}
}

// found is one start in a line: "file:line entry polls[ wrap]".
func found(p Project) []string {
	var list []string
	for _, s := range p.Starts {
		line := fmt.Sprintf("%s %s %s", s.where(), s.Entry, [...]string{"no", "maybe", "yes"}[s.Polls])
		switch {
		case s.Off:
			line += " off"
		case s.Wrap == Supervised:
			line += " run"
		case s.Wrap == Guarded:
			line += " guard"
		}
		if s.Many > 1 {
			line += fmt.Sprintf(" x%d", s.Many)
		}
		list = append(list, line)
	}
	return list
}

func TestWhatFilesWouldStart(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"a Procfile with a second poller": {
			map[string]string{"Procfile": "# comment\nrelease: python bot.py\nweb: uvicorn api_server:app --port $PORT\nworker: python bot.py\n", "bot.py": pollingBot, "api_server.py": pollingAPI},
			[]string{"Procfile:2 release yes off", "Procfile:3 web yes", "Procfile:4 worker yes"},
		},
		"names decide without sources": {
			map[string]string{"Procfile": "web: uvicorn api_server:app\nother: python web.py\nworker: python bot.py\n"},
			[]string{"Procfile:1 web yes", "Procfile:2 other no", "Procfile:3 worker yes"},
		},
		"a source that never polls acquits": {
			map[string]string{"Procfile": "web: uvicorn web:app\n", "web.py": quietWeb},
			[]string{"Procfile:1 web no"},
		},
		"botctl run and botctl guard, behind exec": {
			map[string]string{"Procfile": "worker: exec botctl run --stop-timeout 20s -- python bot.py\nweb: botctl guard -- uvicorn api_server:app\nbundled: botctl run\n", "bot.py": pollingBot, "api_server.py": pollingAPI},
			[]string{"Procfile:1 worker yes run", "Procfile:2 web yes guard", "Procfile:3 bundled yes run"},
		},
		"a bot in a module that the script imports": {
			map[string]string{"Procfile": "worker: python main.py\n", "main.py": "from app import bot\nbot.run()\n", "app/__init__.py": "", "app/bot.py": "import aiogram\ndp.start_polling(b)\n"},
			[]string{"Procfile:1 worker maybe"},
		},
		"an app that guards itself": {
			map[string]string{"Procfile": "web: uvicorn api_server:app\n", "api_server.py": "import os, sys\nif os.environ.get('RAILWAY_ENVIRONMENT'): sys.exit(78)\n" + pollingAPI},
			[]string{"Procfile:1 web maybe"},
		},
		"compose services, their images, copies and profiles": {
			map[string]string{
				"docker-compose.yml": "x-base: &base\n  build: .\nservices:\n  bot:\n    <<: *base\n    deploy: {replicas: 2}\n  api:\n    <<: *base\n    command: [uvicorn, \"api_server:app\"]\n  dev:\n    <<: *base\n    profiles: [dev]\n  db:\n    image: postgres\n",
				"Dockerfile":         "FROM python:3.12 AS base\nWORKDIR /app\n# x\nCMD [\"python\", \\\n  \"bot.py\"]\n",
				"bot.py":             pollingBot, "api_server.py": pollingAPI,
			},
			[]string{"docker-compose.yml:4 bot yes x2", "docker-compose.yml:9 api yes", "docker-compose.yml:10 dev yes off"},
		},
		"a Dockerfile by itself, its last stage, its entry point": {
			map[string]string{"Dockerfile": "FROM golang AS build\nCMD python bot.py\nFROM scratch\nWORKDIR /srv\nENTRYPOINT [\"/docker-entrypoint.sh\"]\nCMD [\"sh\", \"-c\", \"alembic upgrade head && exec python /srv/bot.py\"]\n", "bot.py": pollingBot},
			[]string{"Dockerfile:6 CMD no", "Dockerfile:6 CMD yes"},
		},
		"a Dockerfile that takes the entry point away": {
			map[string]string{"Dockerfile": "FROM x\nENTRYPOINT []\nCMD python -m app.bot\n", "app/bot.py": pollingBot},
			[]string{"Dockerfile:3 CMD yes"},
		},
		"units": {
			map[string]string{"deploy/bot.service": "[Unit]\nExecStart=nothing\n[Service]\nWorkingDirectory=/srv/bot\nExecStart=-/srv/bot/venv/bin/python \\\n  /srv/bot/bot.py\n", "bot.py": pollingBot},
			[]string{"deploy/bot.service:5 bot.service yes"},
		},
		"package.json, through npm and concurrently": {
			map[string]string{
				"Procfile":     "worker: npm start\n",
				"package.json": "{\n \"scripts\": {\n  \"start\": \"concurrently 'npm run bot' 'node web.js'\",\n  \"bot\": \"node dist/bot.js\"\n }\n}\n",
				"src/bot.ts":   "import { Bot } from 'grammy'\nbot.start()\n", "web.js": "const http = require('http')\n",
			},
			[]string{"Procfile:1 worker yes", "Procfile:1 worker no", "package.json:3 start yes", "package.json:3 start no"},
		},
		"files of platforms": {
			map[string]string{
				"railway.toml": "[deploy]\nstartCommand = \"python bot.py\"\nnumReplicas = 3\n", "fly.toml": "[processes]\nbot = \"python bot.py\"\nweb = \"uvicorn api_server:app\"\n",
				"railway.json": `{"deploy":{"startCommand":"python bot.py"}}`, "render.yaml": "services:\n- type: worker\n  name: bot\n  startCommand: python bot.py\n",
				"supervisord.conf": "[supervisord]\nnodaemon=true\n[program:bot]\ndirectory=/app\ncommand=python bot.py\n", "bot.py": pollingBot,
			},
			[]string{"fly.toml:2 bot yes", "fly.toml:3 web yes", "railway.json:1 startCommand yes", "railway.toml:2 startCommand yes x3", "render.yaml:4 bot yes", "supervisord.conf:5 bot yes"},
		},
		"workers of a server": {
			map[string]string{"Procfile": "web: gunicorn api_server:app -w 4 -k uvicorn.workers.UvicornWorker\n", "api_server.py": pollingAPI},
			[]string{"Procfile:1 web yes x4"},
		},
		"programs in Go": {
			map[string]string{"Procfile": "worker: bin/bot\nweb: ./server\nmigrate: goose up\n", "cmd/bot/main.go": "package main\nimport tgbotapi \"github.com/go-telegram-bot-api/telegram-bot-api/v5\"\nfor u := range bot.GetUpdatesChan(c) {\n", "cmd/server/main.go": "package main\n"},
			[]string{"Procfile:1 worker yes", "Procfile:2 web no", "Procfile:3 migrate no"},
		},
		"files of another form": {
			map[string]string{"compose.yaml": "services: [\n", "package.json": "{", "railway.toml": "= =", "Procfile": "\x00\xff: x\nnonsense\n"},
			nil,
		},
	} {
		if got := found(Read(Folder{Files: tc.files, Program: plainProgram})); !slices.Equal(got, tc.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

func TestWhatThisMachineStarts(t *testing.T) {
	p := Read(Folder{
		Dir: "/srv/bot", Program: plainProgram,
		Units:    map[string]string{"/etc/systemd/system/bot.service": "[Service]\nExecStart=/srv/bot/venv/bin/python /srv/bot/bot.py\n"},
		Crontabs: map[string]string{"/etc/cron.d/bot": "SHELL=/bin/sh\n* * * * * root cd /srv/bot && python bot.py\n@reboot root python /other/bot.py\n", "/var/spool/cron/crontabs/x": "@reboot /usr/bin/python3 /srv/bot/bot.py\n"},
	})
	want := []string{"/etc/systemd/system/bot.service:2 bot.service yes", "/etc/cron.d/bot:2 cron yes", "/var/spool/cron/crontabs/x:1 cron yes"}
	if got := found(p); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	r := Judge(Facts{Project: p})
	if c := about(r, "entries")[0]; c.Verdict != Fail || len(c.Where) != 3 {
		t.Errorf("%+v", c)
	}
}

func TestFrameworksAndVersions(t *testing.T) {
	type use struct{ Name, Version, Where string }
	for name, tc := range map[string]struct {
		files    map[string]string
		want     []use
		versions []string
	}{
		"requirements": {
			map[string]string{"requirements.txt": "# x\npython_telegram_bot[job-queue]==22.8 ; python_version>'3'\nPyTelegramBotAPI>=4.1,<5 # y\n-r other\n", "bot.py": "from telebot.async_telebot import AsyncTeleBot\n", ".python-version": "3.12.4\n"},
			[]use{{"python-telegram-bot", "22.8", "requirements.txt:2"}, {"pyTelegramBotAPI, async", ">=4.1,<5", "requirements.txt:3"}},
			[]string{"python 3.12.4 .python-version:1"},
		},
		"pyproject": {
			map[string]string{"pyproject.toml": "[project]\nrequires-python = \">=3.11\"\ndependencies = [\n  \"aiogram~=3.4\",\n]\n"},
			[]use{{"aiogram", "~=3.4", "pyproject.toml:4"}}, []string{"python >=3.11 pyproject.toml:2"},
		},
		"poetry": {
			map[string]string{"pyproject.toml": "[tool.poetry.dependencies]\npython = \"^3.12\"\naiogram = {version = \"^3.4\", extras = [\"fast\"]}\n[tool.poetry.group.dev.dependencies]\npytelegrambotapi = \"*\"\n"},
			[]use{{"aiogram", "^3.4", "pyproject.toml:3"}, {"pyTelegramBotAPI, sync", "*", "pyproject.toml:5"}}, []string{"python ^3.12 pyproject.toml:2"},
		},
		"Pipfile": {
			map[string]string{"Pipfile": "[packages]\naiogram = \"==3.1\"\n[requires]\npython_version = \"3.11\"\n"},
			[]use{{"aiogram", "3.1", "Pipfile:2"}}, []string{"python 3.11 Pipfile:4"},
		},
		"package.json": {
			map[string]string{"package.json": "{\"engines\":{\"node\":\">=20\"},\n\"dependencies\":{\"grammy\":\"^1.2\",\n\"node-telegram-bot-api\":\"^0.66.0\",\"old\":\"npm:telegraf@4.16\"}}"},
			[]use{{"grammY", "^1.2", "package.json:2"}, {"Telegraf", "4.16", "package.json:3"}, {"node-telegram-bot-api", "^0.66.0", "package.json:3"}},
			[]string{"node >=20 package.json:1"},
		},
		"go.mod": {
			map[string]string{"go.mod": "module x\n\ngo 1.26.0\n\nrequire (\n\tgopkg.in/telebot.v3 v3.3.8\n\tgithub.com/mymmrac/telego v1.6.0 // indirect\n)\nrequire github.com/go-telegram/bot v1.19.0\n"},
			[]use{{"telebot", "3.3.8", "go.mod:6"}, {"go-telegram/bot", "1.19.0", "go.mod:9"}, {"telego", "1.6.0", "go.mod:7"}}, []string{"go 1.26.0 go.mod:3"},
		},
		"an import alone": {
			map[string]string{"bot.py": "import telegram\n", "x.js": "const { Telegraf } = require(\"telegraf\")\n", "y.go": "import (\n\t\"github.com/PaulSonOfLars/gotgbot/v2/ext\"\n)\n"},
			[]use{{"python-telegram-bot", "", "bot.py"}, {"Telegraf", "", "x.js"}, {"gotgbot", "", "y.go"}}, nil,
		},
	} {
		p := Read(Folder{Files: tc.files})
		var got []use
		for _, u := range p.Frameworks {
			got = append(got, use{u.Name, u.Version, u.Where})
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %q\nwant %q", name, got, tc.want)
		}
		var versions []string
		for _, v := range p.Versions {
			versions = append(versions, fmt.Sprintf("%s %s %s", v.What, v.Version, at(v.File, v.Line)))
		}
		if !slices.Equal(versions, tc.versions) {
			t.Errorf("%s: versions %q", name, versions)
		}
	}
}

func TestTheMajorVersionChoosesTheLine(t *testing.T) {
	for version, want := range map[string]string{"^0.67.0": "baseApiUrl", "1.2.0": "baseApiUrl", "~2.1": "apiRoot", "latest": "apiRoot", "*": "apiRoot", "^3.0.0": "apiRoot"} {
		p := Read(Folder{Files: map[string]string{"package.json": `{"dependencies":{"node-telegram-bot-api":"` + version + `"}}`}})
		if len(p.Frameworks) != 1 || !strings.HasPrefix(p.Frameworks[0].Line, want) {
			t.Errorf("%s: %+v", version, p.Frameworks)
		}
	}
}

func TestTokensWrittenIntoFiles(t *testing.T) {
	const secret = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE"
	p := Read(Folder{Program: plainProgram, Files: map[string]string{
		"Procfile": "worker: TOKEN=" + secret + " python bot.py\n", "bot.py": "\nTOKEN = '" + secret + "'\n" + pollingBot, "package-lock.json": secret,
	}})
	if want := []string{"Procfile:1", "bot.py:2"}; !slices.Equal(p.Secrets, want) {
		t.Errorf("%q", p.Secrets)
	}
	if text := fmt.Sprintf("%+v", Judge(Facts{Project: p})); strings.Contains(text, secret[10:]) {
		t.Error("the report has the token in it")
	}
}

func TestWhoTakesItsServerFromBotctl(t *testing.T) {
	const base = "URL = os.environ['TELEGRAM_API_BASE']\n"
	for name, tc := range map[string]struct {
		files        map[string]string
		command      []string
		takes, lacks []string
	}{
		"the bot":                       {map[string]string{"bot.py": base + pollingBot}, nil, []string{"bot.py:1"}, nil},
		"not the bot":                   {map[string]string{"bot.py": pollingBot, "tool.py": base}, nil, nil, []string{"bot.py:3"}},
		"what the bot imports":          {map[string]string{"bot.py": "from app.config import URL\n" + pollingBot, "app/config.py": base}, nil, []string{"app/config.py:1"}, nil},
		"one of two":                    {map[string]string{"bot.py": base + pollingBot, "old.py": pollingBot}, nil, []string{"bot.py:1"}, []string{"old.py:3"}},
		"the one that runs":             {map[string]string{"bot.py": base + pollingBot, "old.py": pollingBot}, []string{"python", "old.py"}, nil, []string{"old.py:3"}},
		"nobody polls, as far as seen":  {map[string]string{"lib.py": base}, nil, []string{"lib.py:1"}, nil},
		"a package beside, in Go":       {map[string]string{"main.go": "import \"github.com/mymmrac/telego\"\nbot.UpdatesViaLongPolling(ctx, nil)\n", "conf/c.go": "os.Getenv(\"TELEGRAM_API_BASE\")\n"}, nil, []string{"conf/c.go:1"}, nil},
		"a comment about it is no line": {map[string]string{"bot.py": "# TELEGRAM_API_BASE\n" + pollingBot}, nil, nil, []string{"bot.py:4"}},
	} {
		p := Read(Folder{Files: tc.files, Program: plainProgram, Command: tc.command})
		if !slices.Equal(p.TakesBase, tc.takes) || !slices.Equal(p.LacksBase, tc.lacks) {
			t.Errorf("%s: %q and %q", name, p.TakesBase, p.LacksBase)
		}
	}
}
