"""WSGI entry point, served by granian."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")

application = get_wsgi_application()

from scoring import loader  # noqa: E402  # needs the apps that the line above loads

# Each web process follows the open release and warms a new version up before it answers.
loader.start()
