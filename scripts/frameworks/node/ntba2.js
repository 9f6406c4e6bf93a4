// node-telegram-bot-api 2: /start and an echo. "work MS ..." takes so many milliseconds, as a handler that asks elsewhere;
// "block MS" does, once in this folder, as one that computes.
const fs = require("node:fs");
const { Bot } = require("node-telegram-bot-api");
const { run } = require("node-telegram-bot-api/node");

const bot = new Bot(process.env.TELEGRAM_BOT_TOKEN, {
  apiRoot: process.env.TELEGRAM_API_BASE ?? "https://api.telegram.org",
});

bot.command("start", (ctx) => ctx.reply("Hello."));

bot.on("message", async (ctx) => {
  const [first, ms] = ctx.message.text.split(" ");
  if (first === "work") await new Promise((done) => setTimeout(done, Number(ms)));
  if (first === "block" && !fs.existsSync("blocked")) {
    fs.writeFileSync("blocked", "");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
  }
  await ctx.reply(ctx.message.text);
});

run(bot);
