"""A FastAPI app of the same project that carries the token and never polls."""
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def index():
    return {"ok": True}
