"""Every address the program answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from leadscoring import health, metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index", permanent=False), name="home"),
    path("admin/", admin.site.urls),
    path("health/live", health.live, name="health-live"),
    path("health/live/", health.live),
    path("health/ready", health.ready, name="health-ready"),
    path("health/ready/", health.ready),
    path("metrics", metrics.metrics, name="metrics"),
    path("metrics/", metrics.metrics),
    path("", include("scoring.api.urls")),
]

# Problem documents under /api/, pages elsewhere; those of 400 and 500 are templates of these names.
handler403 = "leadscoring.refusals.permission_denied"
handler404 = "leadscoring.refusals.page_not_found"
handler400 = "scoring.api.problems.bad_request"
handler500 = "scoring.api.problems.server_error"
