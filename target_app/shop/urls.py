"""URLs of the shop."""

from django.urls import path

from target_app.shop import staff, views

urlpatterns = [
    path("", views.home, name="home"),
    path("pieces/", views.pieces, name="pieces"),
    path("c/<slug:slug>/", views.category, name="category"),
    path("p/<slug:slug>/", views.product, name="product"),
    path("g/<slug:slug>/", views.glaze, name="glaze"),
    path("firings/<slug:slug>/", views.firing, name="firing"),
    path("years/<slug:slug>/", views.year, name="year"),
    path("staff/", staff.overview, name="staff"),
    path("staff/p/<slug:slug>/", staff.change, name="staff-change"),
    path("staff/p/<slug:slug>/note/", staff.note, name="staff-note"),
    path("staff/c/<slug:slug>/", staff.category, name="staff-category"),
    path("staff/notice/", staff.notice, name="staff-notice"),
]
