"""A FastAPI app that polls with the bot's token beside its routes, as such apps came to do."""
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI
from telegram.ext import ApplicationBuilder, MessageHandler, filters

base = os.environ.get("TELEGRAM_API_BASE", "https://api.telegram.org")


async def answer(update, _) -> None:
    await update.message.reply_text("answered by api_server")


@asynccontextmanager
async def lifespan(_: FastAPI):
    bot = ApplicationBuilder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(f"{base}/bot").build()
    bot.add_handler(MessageHandler(filters.TEXT, answer))
    async with bot:
        await bot.start()
        await bot.updater.start_polling()
        yield
        await bot.updater.stop()
        await bot.stop()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
def health():
    return {"ok": True}
