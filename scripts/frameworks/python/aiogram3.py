"""aiogram 3: /start and an echo. "work MS ..." takes so many milliseconds, as a handler that asks elsewhere;
"block MS" does, once in this folder, as one that computes."""
import asyncio
import logging
import os
import sys
import time

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.types import Message

dp = Dispatcher()


@dp.message(CommandStart())
async def start(message: Message) -> None:
    await message.answer("Hello.")


@dp.message()
async def echo(message: Message) -> None:
    words = message.text.split()
    if words[0] == "work":
        await asyncio.sleep(int(words[1]) / 1000)
    if words[0] == "block" and not os.path.exists("blocked"):
        open("blocked", "w").close()
        time.sleep(int(words[1]) / 1000)
    await message.answer(message.text)


async def main() -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ.get("TELEGRAM_API_BASE", "https://api.telegram.org")))
    bot = Bot(token=os.environ["TELEGRAM_BOT_TOKEN"], session=session)
    await dp.start_polling(bot)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    asyncio.run(main())
