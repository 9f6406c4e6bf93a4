// A grammY bot that catches the end of its polling, logs it and lives on without polling.
const { Bot } = require("grammy");

const bot = new Bot(process.env.TELEGRAM_BOT_TOKEN, {
  client: { apiRoot: process.env.TELEGRAM_API_BASE },
});
bot.on("message:text", (ctx) => ctx.reply(`echo: ${ctx.message.text}`));
bot.start({ onStart: () => console.log("polling") }).catch((err) => console.error(err));
setInterval(() => {}, 60_000); // whatever else the program does
