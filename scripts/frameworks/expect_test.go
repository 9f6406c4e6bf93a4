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
		"busy": stays, "stuck": stays, "restart": anything, "kill -9": anything,
	},
	// Nothing is lost or doubled at a stop or a restart, for the gateway lets the handlers end; no trouble of the
	// server comes through to the bot but a refused token.
	"auto": {
		"start": "polls", "echo": disorders, "conflict": unseen, "stop": "killed by SIGTERM, answered",
		"webhook": "deleted, updates kept", "webhook set": stays, "401": "ends with 78", "5xx": stays, "refused": stays, "hung poll": stays,
		"busy": stays, "stuck": stays, "restart": disorders, "kill -9": anything,
	},
	"warm": {"restart": disorders},
}

// special is where a framework differs from the usual.
var special = map[string]map[string]want{
	"off": {
		"ptb":                    {"stuck": deaf, "echo": "", "stop": "exit 0, answered", "restart": "", "kill -9": loses + " " + doubles},
		"aiogram":                {"stuck": deaf, "stop": "exit 0, LOST"},
		"pytelegrambotapi-async": {"stuck": deaf, "hung poll": deaf},
		"grammy": {
			"stuck": deaf,
			"echo":  "", "conflict": restarted, "webhook set": restarted, "hung poll": deaf,
			"stop": "killed by SIGTERM, answered by the next", "restart": doubles, "kill -9": doubles,
		},
		"telegraf": {
			"stuck":    deaf,
			"conflict": restarted, "webhook set": restarted, "hung poll": deaf,
			"stop": "exit 0, answered", "restart": disorders, "kill -9": doubles + " " + disorders,
		},
		"ntba0": {"stuck": deaf, "hung poll": deaf},
		"ntba2": {
			"stuck": deaf,
			"echo":  "", "conflict": restarted, "webhook set": restarted,
			"stop": "exit 0, answered twice", "restart": doubles, "kill -9": doubles,
		},
		"gtba":     {"stuck": deaf, "echo": "", "hung poll": deaf, "restart": loses + " " + doubles, "kill -9": loses + " " + doubles},
		"telebot3": {"webhook set": deaf, "401": unnoticed},
		"telebot4": {"webhook set": deaf, "401": unnoticed},
		"telego":   {"hung poll": deaf},
	},
	"auto": {
		"pytelegrambotapi-async": {"stuck": restarted},
		"ntba0":                  {"stuck": restarted},
		"ptb":                    {"stuck": restarted, "echo": "", "stop": "exit 0, answered", "restart": "", "kill -9": loses + " " + doubles},
		"aiogram":                {"stuck": restarted, "stop": "exit 0, answered"},
		"grammy":                 {"stuck": restarted, "echo": "", "restart": "", "kill -9": doubles},
		"telegraf":               {"stuck": restarted, "stop": "exit 0, answered", "kill -9": doubles + " " + disorders},
		"ntba2":                  {"stuck": restarted, "echo": "", "stop": "exit 0, answered", "restart": "", "kill -9": doubles},
		"gtba":                   {"stuck": deaf, "echo": "", "restart": "", "kill -9": loses + " " + doubles},
	},
	"warm": {"grammy": {"restart": ""}, "ntba2": {"restart": ""}},
}

// expected is the class that a column of a framework is to have.
func expected(mode, bot, column string) string {
	if class, ok := special[mode][bot][column]; ok {
		return class
	}
	return usual[mode][column]
}
