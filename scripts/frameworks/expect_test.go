//go:build linux

package frameworks

// want is the expected class of each column; of columns that count messages, what may be wrong with them.
type want map[string]string

// anything is what may go wrong where updates are confirmed before they are handled, and handled side by side.
const anything = loses + " " + doubles + " " + disorders

// usual is what most come to, by mode.
var usual = map[string]want{
	"off": {
		"start": "polls", "echo": disorders, "conflict": stays, "stop": "killed by SIGTERM, LOST",
		"webhook": "deleted, updates kept", "webhook set": stays, "401": "ends with 78", "5xx": stays, "refused": stays, "hung poll": stays,
		"restart": anything, "kill -9": anything,
	},
	// Nothing is lost or doubled at a stop or a restart, for the gateway lets the handlers end; no trouble of the
	// server comes through to the bot but a refused token.
	"auto": {
		"start": "polls", "echo": disorders, "conflict": unseen, "stop": "killed by SIGTERM, answered",
		"webhook": "deleted, updates kept", "webhook set": stays, "401": "ends with 78", "5xx": stays, "refused": stays, "hung poll": stays,
		"restart": disorders, "kill -9": anything,
	},
}

// special is where a framework differs from the usual.
var special = map[string]map[string]want{
	"off": {
		"ptb":                    {"echo": "", "stop": "exit 0, answered", "restart": "", "kill -9": loses + " " + doubles},
		"aiogram":                {"stop": "exit 0, LOST"},
		"pytelegrambotapi-async": {"hung poll": deaf},
		"grammy": {
			"echo": "", "conflict": restarted, "webhook set": restarted, "hung poll": deaf,
			"stop": "killed by SIGTERM, answered by the next", "restart": doubles, "kill -9": doubles,
		},
		"telegraf": {
			"conflict": restarted, "webhook set": restarted, "hung poll": deaf,
			"stop": "exit 0, answered", "restart": disorders, "kill -9": doubles + " " + disorders,
		},
		"ntba0": {"hung poll": deaf},
		"ntba2": {
			"echo": "", "conflict": restarted, "webhook set": restarted,
			"stop": "exit 0, answered twice", "restart": doubles, "kill -9": doubles,
		},
		"gtba":     {"echo": "", "hung poll": deaf, "restart": loses + " " + doubles, "kill -9": loses + " " + doubles},
		"telebot3": {"webhook set": deaf, "401": unnoticed},
		"telebot4": {"webhook set": deaf, "401": unnoticed},
		"telego":   {"hung poll": deaf},
	},
	"auto": {
		"ptb":      {"echo": "", "stop": "exit 0, answered", "restart": "", "kill -9": loses + " " + doubles},
		"aiogram":  {"stop": "exit 0, answered"},
		"grammy":   {"echo": "", "restart": "", "kill -9": doubles},
		"telegraf": {"stop": "exit 0, answered", "kill -9": doubles + " " + disorders},
		"ntba2":    {"echo": "", "stop": "exit 0, answered", "restart": "", "kill -9": doubles},
		"gtba":     {"echo": "", "restart": "", "kill -9": loses + " " + doubles},
	},
}

// expected is the class that a column of a framework is to have.
func expected(mode, bot, column string) string {
	if class, ok := special[mode][bot][column]; ok {
		return class
	}
	return usual[mode][column]
}
