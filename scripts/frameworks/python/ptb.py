"""python-telegram-bot: /start and an echo. "work MS ..." takes so many milliseconds, as a handler that asks elsewhere;
"block MS" does, once in this folder, as one that computes."""
import asyncio
import logging
import os
import time

from telegram import Update
from telegram.ext import ApplicationBuilder, CommandHandler, ContextTypes, MessageHandler, filters

logging.basicConfig(format="%(asctime)s - %(name)s - %(levelname)s - %(message)s", level=logging.INFO)
logging.getLogger("httpx").setLevel(logging.WARNING)


async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Hello.")


async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    words = update.message.text.split()
    if words[0] == "work":
        await asyncio.sleep(int(words[1]) / 1000)
    if words[0] == "block" and not os.path.exists("blocked"):
        open("blocked", "w").close()
        time.sleep(int(words[1]) / 1000)
    await update.message.reply_text(update.message.text)


def main() -> None:
    application = (
        ApplicationBuilder()
        .token(os.environ["TELEGRAM_BOT_TOKEN"])
        .base_url(os.environ.get("TELEGRAM_API_BASE", "https://api.telegram.org") + "/bot")
        .build()
    )
    application.add_handler(CommandHandler("start", start))
    application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, echo))
    application.run_polling(allowed_updates=Update.ALL_TYPES)


if __name__ == "__main__":
    main()
