"""pyTelegramBotAPI, sync: /start and an echo. "work MS ..." takes so many milliseconds, as a handler that asks elsewhere;
"block MS" does, once in this folder, as one that computes."""
import os
import time

import telebot
from telebot import apihelper

apihelper.API_URL = os.environ.get("TELEGRAM_API_BASE", "https://api.telegram.org") + "/bot{0}/{1}"
bot = telebot.TeleBot(os.environ["TELEGRAM_BOT_TOKEN"])


@bot.message_handler(commands=["start"])
def start(message):
    bot.send_message(message.chat.id, "Hello.")


@bot.message_handler(func=lambda message: True)
def echo(message):
    words = message.text.split()
    if words[0] == "work":
        time.sleep(int(words[1]) / 1000)
    if words[0] == "block" and not os.path.exists("blocked"):
        open("blocked", "w").close()
        time.sleep(int(words[1]) / 1000)
    bot.send_message(message.chat.id, message.text)


bot.infinity_polling()
