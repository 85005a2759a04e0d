"""Whether anything is asked of a page: its server ends when all that was asked for has been answered.

A browser that is cut off in the middle of an answer, or that asks on a connection which is being closed, tells its
user of a page that is broken.
"""

import time

from spa.web.guard import App, Message, Receive, Send


class Traffic:
    """Around an application: counts what is being answered."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.asked, self.rested = 0, time.monotonic()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        self.asked += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.asked, self.rested = self.asked - 1, time.monotonic()

    def quiet(self, seconds: float) -> bool:
        """Whether nothing has been asked for so long."""
        return not self.asked and time.monotonic() - self.rested >= seconds
