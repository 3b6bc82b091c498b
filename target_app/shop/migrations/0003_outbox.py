"""What a write wants deleted from the cache after its commit."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a table; it is empty but for the moment between a commit and its deletes."""

    dependencies = (("shop", "0002_notice_and_notes"),)
    operations = (
        migrations.CreateModel(
            name="OutboxRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("epoch", models.PositiveBigIntegerField()),
                ("strategy", models.CharField(max_length=40)),
                ("entries", models.JSONField()),
            ],
            options={"db_table": "shop_outbox"},
        ),
    )
