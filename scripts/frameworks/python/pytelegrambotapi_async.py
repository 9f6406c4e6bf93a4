"""pyTelegramBotAPI, async: /start and an echo. "work MS ..." takes so many milliseconds, as a handler that asks elsewhere;
"block MS" does, once in this folder, as one that computes."""
import asyncio
import os
import time

from telebot import asyncio_helper
from telebot.async_telebot import AsyncTeleBot

asyncio_helper.API_URL = os.environ.get("TELEGRAM_API_BASE", "https://api.telegram.org") + "/bot{0}/{1}"
bot = AsyncTeleBot(os.environ["TELEGRAM_BOT_TOKEN"])


@bot.message_handler(commands=["start"])
async def start(message):
    await bot.send_message(message.chat.id, "Hello.")


@bot.message_handler(func=lambda message: True)
async def echo(message):
    words = message.text.split()
    if words[0] == "work":
        await asyncio.sleep(int(words[1]) / 1000)
    if words[0] == "block" and not os.path.exists("blocked"):
        open("blocked", "w").close()
        time.sleep(int(words[1]) / 1000)
    await bot.send_message(message.chat.id, message.text)


asyncio.run(bot.infinity_polling())
