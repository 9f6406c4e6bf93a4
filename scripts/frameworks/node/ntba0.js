// node-telegram-bot-api 0.x: /start and an echo. "work MS ..." takes so many milliseconds, as a handler that asks elsewhere;
// "block MS" does, once in this folder, as one that computes.
const fs = require("node:fs");
const TelegramBot = require("node-telegram-bot-api-0");

const bot = new TelegramBot(process.env.TELEGRAM_BOT_TOKEN, {
  polling: true,
  baseApiUrl: process.env.TELEGRAM_API_BASE ?? "https://api.telegram.org",
});

bot.on("message", async (msg) => {
  if (msg.text === "/start") return bot.sendMessage(msg.chat.id, "Hello.");
  const [first, ms] = msg.text.split(" ");
  if (first === "work") await new Promise((done) => setTimeout(done, Number(ms)));
  if (first === "block" && !fs.existsSync("blocked")) {
    fs.writeFileSync("blocked", "");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
  }
  await bot.sendMessage(msg.chat.id, msg.text);
});
