"""An ordinary python-telegram-bot bot: /start, and an echo. TELEGRAM_API_BASE moves it to another Bot API."""
import logging
import os

from telegram import Update
from telegram.ext import ApplicationBuilder, CommandHandler, MessageHandler, filters

logging.basicConfig(format="%(asctime)s - %(name)s - %(levelname)s - %(message)s", level=logging.INFO)


async def start(update: Update, _) -> None:
    await update.message.reply_text("Hello, I am bot.py.")


async def echo(update: Update, _) -> None:
    await update.message.reply_text(f"echo: {update.message.text}")


def main() -> None:
    base = os.environ.get("TELEGRAM_API_BASE", "https://api.telegram.org")
    app = (
        ApplicationBuilder()
        .token(os.environ["TELEGRAM_BOT_TOKEN"])
        .base_url(f"{base}/bot")
        .base_file_url(f"{base}/file/bot")
        .build()
    )
    app.add_handler(CommandHandler("start", start))
    app.add_handler(MessageHandler(filters.TEXT, echo))
    app.run_polling()


if __name__ == "__main__":
    main()
