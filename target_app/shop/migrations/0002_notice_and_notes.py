"""What staff can say: about one piece, and at the top of every page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds to the tables; ``prepare_shop`` fills them anew, since the data set has another name now."""

    dependencies = (("shop", "0001_initial"),)
    operations = (
        migrations.AddField(
            model_name="product",
            name="note",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(blank=True, max_length=200)),
            ],
        ),
    )
