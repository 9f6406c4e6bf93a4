// Telegraf: /start and an echo. "work MS ..." takes so many milliseconds, as a handler that asks elsewhere;
// "block MS" does, once in this folder, as one that computes.
const fs = require("node:fs");
const { Telegraf } = require("telegraf");
const { message } = require("telegraf/filters");

const bot = new Telegraf(process.env.TELEGRAM_BOT_TOKEN, {
  telegram: { apiRoot: process.env.TELEGRAM_API_BASE ?? "https://api.telegram.org" },
});

bot.start((ctx) => ctx.reply("Hello."));

bot.on(message("text"), async (ctx) => {
  const [first, ms] = ctx.message.text.split(" ");
  if (first === "work") await new Promise((done) => setTimeout(done, Number(ms)));
  if (first === "block" && !fs.existsSync("blocked")) {
    fs.writeFileSync("blocked", "");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
  }
  await ctx.reply(ctx.message.text);
});

bot.launch();

process.once("SIGINT", () => bot.stop("SIGINT"));
process.once("SIGTERM", () => bot.stop("SIGTERM"));
