"""WSGI entry point, served by granian."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
# Read by the settings: only web processes have many threads to share a pool of connections.
os.environ["LEADSCORING_WEB"] = "1"

application = get_wsgi_application()

from monitoring.services import tallies  # noqa: E402  # needs the apps that the line above loads
from scoring import loader  # noqa: E402

# Each web process follows the open release and warms a new version up before it answers.
loader.start()
# What it answers is counted, and written down by a thread.
tallies.start()

# What was imported stays for good: collecting it again and again was a tenth of a large call.
gc.collect()
gc.freeze()
