"""URLs of the shop."""

from django.urls import path

from target_app.shop import views

urlpatterns = [
    path("", views.home, name="home"),
    path("c/<slug:slug>/", views.category, name="category"),
    path("p/<slug:slug>/", views.product, name="product"),
    path("staff/", views.staff, name="staff"),
    path("staff/p/<slug:slug>/", views.staff_change, name="staff-change"),
]
