"""SMS over a generic HTTP gateway: POST {"to": […], "text": …} with a bearer token. Any gateway that takes this form,
or a few lines in front of one, serves."""

from __future__ import annotations

from adapters.notifiers.base import AlertMessage, Notifier, text_of

#: what fits into two text messages
LIMIT = 130


class Sms(Notifier):
    """Text messages to phones."""

    def send(self, message: AlertMessage) -> None:
        secret = self.target.secret()
        headers = {"Authorization": f"Bearer {secret}"} if secret else None
        self.post(self.target.url(), {"to": list(self.target.to), "text": text_of(message)[:LIMIT]}, headers)
