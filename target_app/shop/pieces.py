"""What the shop sells, as data: eight categories (one of them empty on purpose), thirty-five pieces, their glazes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CategorySpec:
    """A kind of pot, as the navigation and the database show it."""

    slug: str
    name: str
    blurb: str


@dataclass(frozen=True, slots=True)
class GlazeSpec:
    """A glaze, as its own page introduces it; ``name`` is what its pieces say."""

    slug: str
    name: str
    blurb: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One product as it leaves the studio; ``demand`` is its share of sales relative to the others."""

    slug: str
    name: str
    category: str
    glaze: str
    price_cents: int
    stock: int
    height_mm: int
    width_mm: int
    demand: float
    blurb: str
    description: str


CATEGORIES = (
    CategorySpec("bowls", "Bowls", "For soup, for fruit, for the keys by the door. Thrown one at a time."),
    CategorySpec("vases", "Vases", "Full shoulders and narrow necks, made to be looked at without flowers too."),
    CategorySpec("bottles", "Bottles", "Pourers and flasks with a clean lip that does not drip."),
    CategorySpec("jars", "Jars", "Lidded pots for tea, salt and flour, each lid fitted to its own jar."),
    CategorySpec("plates", "Plates", "Flat enough to stack, deep enough for sauce, and safe in the dishwasher."),
    CategorySpec("cups", "Cups", "Beakers and tea bowls without handles, warm in the hand."),
    CategorySpec("planters", "Planters", "Frost-proof pots with a drainage hole and a saucer where it helps."),
)
"""What the navigation lists."""

SECONDS = CategorySpec("seconds", "Seconds sale", "Small flaws, large reductions. The next firing is in spring.")
"""Stays empty and out of the navigation: a page whose right answer is an empty list."""

GLAZES = (
    GlazeSpec("oatmeal", "Oatmeal", "Warm grey over speckled clay; breaks to brown wherever it thins."),
    GlazeSpec("tenmoku", "Tenmoku", "Iron, fired almost to black, with rust along every edge."),
    GlazeSpec("celadon", "Celadon", "A little iron and no air: grey-green, crackled, deep where it pools."),
    GlazeSpec("chun-blue", "Chun blue", "Thick and milky; the blue is light scattered in the glass, not a colour."),
    GlazeSpec("ash-white", "Ash white", "Washed wood ash and feldspar; quiet, and never quite even."),
    GlazeSpec("copper-red", "Copper red", "The glaze that decides for itself. One firing in four goes its own way."),
    GlazeSpec("rutile", "Rutile", "Titanium ore in streaks of honey and slate that run downhill."),
    GlazeSpec("iron-red", "Iron red", "Persimmon where it is thick, black where it is thin. The Japanese say kaki."),
    GlazeSpec("shino", "Shino", "White, pinholed and crawled, with a blush where the flame has licked it."),
    GlazeSpec("copper-green", "Copper green", "Old roofs and bottle glass; runs to a dark ring where it stops."),
    GlazeSpec("cobalt", "Cobalt", "Brushed under clear glaze: deep as ink, with every stroke to be seen."),
    GlazeSpec("matte-black", "Matte black", "A dry slip with manganese. It shines nowhere and shows every ridge."),
    GlazeSpec("terracotta", "Terracotta", "No glaze at all: coarse red clay that lets roots breathe."),
)
"""One page each."""

PIECES = (
    Piece("supper-bowl", "Supper bowl", "bowls", "Oatmeal", 2800, 46, 75, 170, 9.0,
          "The bowl we reach for every evening.",
          "A generous everyday bowl with a soft lip and a turned foot. The oatmeal glaze breaks to warm brown "
          "where it thins over the rim. Holds a large helping of soup or pasta."),
    Piece("noodle-bowl", "Deep noodle bowl", "bowls", "Tenmoku", 3600, 22, 95, 185, 5.5,
          "Deep, dark and steep-sided, for broth.",
          "Thrown deep so that broth stays hot. Tenmoku is an old iron glaze: almost black in the well, rust "
          "where it runs thin. Comfortable to lift with both hands."),
    Piece("tide-bowl", "Tide bowl", "bowls", "Celadon", 4200, 17, 80, 205, 3.2,
          "Grey-green celadon with a waterline of bare clay.",
          "Dipped by hand to a little above the foot, so each waterline falls in its own place. A serving bowl "
          "for salad, or for pears."),
    Piece("fruit-bowl", "Footed fruit bowl", "bowls", "Chun blue", 6800, 8, 120, 265, 1.6,
          "Raised on a tall foot, open like a hand.",
          "Our widest bowl, raised on a turned pedestal. The thick chun glaze is milky blue and gathers in a "
          "darker ring at the centre. One leaves the wheel each morning."),
    Piece("pinch-bowl", "Pinch bowl", "bowls", "Ash white", 1200, 90, 38, 80, 6.4,
          "For salt, oil, or one egg.",
          "A small dish with a big appetite for odd jobs. Ash white glaze over speckled stoneware. Stacks well, "
          "and most people leave with four."),
    Piece("moon-jar", "Moon jar", "vases", "Ash white", 14500, 5, 310, 300, 1.1,
          "A full white moon, thrown in two halves.",
          "After the Korean moon jars: two bowls thrown apart and joined at the belly, where a faint seam "
          "remains. The ash glaze is quiet up close and bright across a room."),
    Piece("shoulder-vase", "Shoulder vase", "vases", "Chun blue", 9200, 9, 280, 190, 1.7,
          "High shoulders, small neck, thick blue glaze.",
          "A meiping shape that holds one branch as well as it holds nothing. The chun glaze pools over the "
          "shoulder and thins to pale lavender at the neck."),
    Piece("bud-vase", "Bud vase", "vases", "Celadon", 2600, 38, 130, 75, 7.2,
          "One stem, a little water.",
          "Small enough for a bedside and heavy enough to stay there. Celadon over fine white stoneware, with a "
          "crackle that deepens over the years."),
    Piece("trumpet-vase", "Trumpet vase", "vases", "Copper red", 7800, 7, 270, 165, 1.2,
          "A narrow waist and a flared lip.",
          "Copper red is the glaze that decides for itself. Every trumpet vase comes out somewhere between "
          "cherry and liver red; yours will be close to the picture, not the same."),
    Piece("belly-vase", "Belly vase", "vases", "Rutile", 6400, 12, 200, 195, 2.4,
          "Round and low, for an armful of garden.",
          "A wide belly and an open neck, so that a loose bunch falls well. Rutile gives the honey and slate "
          "streaks that run from the shoulder down."),
    Piece("long-neck", "Long-neck bottle", "bottles", "Iron red", 8600, 6, 330, 150, 1.3,
          "Thrown in one piece, neck and all.",
          "A slow shape to throw: the neck is collared in over a dozen passes. Kaki iron red, persimmon where it "
          "is thick. Holds water, and a single tall stem."),
    Piece("sake-flask", "Sake flask", "bottles", "Shino", 4400, 19, 155, 85, 3.4,
          "Pours two small cups, twice.",
          "A waisted tokkuri that fits the hand where it narrows. Shino is thick and white with pinholes and a "
          "blush of orange where the flame has licked it."),
    Piece("oil-bottle", "Olive oil bottle", "bottles", "Copper green", 3900, 28, 215, 80, 5.0,
          "Keeps the light out and the last drop in.",
          "Slim enough for a crowded worktop, with a cork and a lip cut to stop drips. Copper green inside and "
          "out, so that oil keeps in the dark."),
    Piece("gourd-bottle", "Double-gourd bottle", "bottles", "Tenmoku", 7200, 7, 240, 135, 1.4,
          "Two rounds and a waist.",
          "A gourd shape thrown in two parts and joined at the waist. Tenmoku shows rust at each curve, where "
          "the glaze has run away from the edge."),
    Piece("mallet-bottle", "Mallet bottle", "bottles", "Celadon", 6900, 10, 225, 130, 1.8,
          "A cylinder, a shoulder, a straight neck.",
          "Named after the paper beater it resembles. All edges are slightly rounded with a damp sponge, so the "
          "celadon can show where it is thin."),
    Piece("ginger-jar", "Ginger jar", "jars", "Cobalt", 8800, 8, 240, 190, 1.5,
          "Full-bodied, with a domed lid.",
          "Cobalt under a clear glaze, deep as ink and a little uneven, as brushed colour should be. The lid "
          "sits over the neck and lifts with one hand."),
    Piece("flour-jar", "Flour jar", "jars", "Oatmeal", 6200, 14, 210, 165, 2.9,
          "Two kilos of flour, and a lid that seals.",
          "Straight-sided so that nothing hides in a shoulder. The lid has a deep flange and a knob wide enough "
          "for doughy fingers."),
    Piece("salt-jar", "Salt jar", "jars", "Iron red", 3400, 31, 110, 100, 4.6,
          "Keep it by the stove.",
          "A squat jar with a loose lid, unglazed on the inside so that salt stays dry. Kaki red outside, wiped "
          "back to bare clay at the foot."),
    Piece("tea-caddy", "Tea caddy", "jars", "Matte black", 4800, 16, 115, 85, 2.6,
          "A close lid for loose leaves.",
          "Small, dense and dark. The lid is ground to its own caddy with fine carborundum, and settles slowly "
          "as the air leaves. Holds 120 g of leaf."),
    Piece("honey-pot", "Honey pot", "jars", "Rutile", 3700, 24, 120, 110, 3.8,
          "Round as a hive, with room for a spoon.",
          "A round pot with a notched lid. The rutile glaze turns from straw to honey and back, which is why we "
          "put honey in it."),
    Piece("dinner-plate", "Dinner plate", "plates", "Oatmeal", 3200, 64, 26, 270, 8.2,
          "A low wall, so that peas stay put.",
          "Flat where the knife goes and raised just enough at the edge. Oatmeal glaze, speckled by the iron in "
          "the clay. Stacks six high without a wobble."),
    Piece("side-plate", "Side plate", "plates", "Celadon", 2200, 58, 22, 190, 6.6,
          "Toast, cake, an apple cut in four.",
          "The plate that is always in use. A gentle curve with no sharp inner corner to trap crumbs. Celadon, "
          "crackled finely across the well."),
    Piece("pasta-plate", "Pasta plate", "plates", "Ash white", 3400, 40, 45, 235, 5.8,
          "Half plate, half bowl.",
          "Deep in the middle with a rim to rest a fork on. Ash white over speckled stoneware, which makes "
          "tomato look very red."),
    Piece("platter", "Serving platter", "plates", "Chun blue", 8400, 6, 40, 345, 1.2,
          "For a whole fish, or all the tomatoes.",
          "Wide, shallow and slow to dry: we lose one in five. The chun glaze is thick in the centre and breaks "
          "over three combed rings."),
    Piece("cake-plate", "Cake plate", "plates", "Cobalt", 5600, 11, 95, 260, 1.9,
          "On a foot, because cake deserves it.",
          "A flat plate on a turned pedestal, in brushed cobalt. The edge is lifted by a finger's breadth, so "
          "icing stays where it belongs."),
    Piece("tea-bowl", "Tea bowl", "cups", "Shino", 3800, 20, 80, 120, 3.9,
          "For whisked tea, and cold hands.",
          "Thrown quickly and turned little. Thick shino, crawled here and there, with bare clay where three "
          "fingers held it over the bucket."),
    Piece("espresso-cup", "Espresso beaker", "cups", "Tenmoku", 1600, 85, 62, 64, 7.8,
          "Two gulps, thick walls.",
          "Small and heavy-based, so that the coffee stays hot to the end. Tenmoku inside and out, with a rust- "
          "brown rim. Holds 80 ml."),
    Piece("latte-beaker", "Latte beaker", "cups", "Oatmeal", 2200, 72, 98, 86, 10.0,
          "Our best-travelled cup.",
          "Straight, tall and thin-lipped, with a dip line that leaves the lower third bare. It has been the "
          "first thing to sell out at every market. Holds 300 ml."),
    Piece("yunomi", "Yunomi", "cups", "Copper green", 2400, 44, 92, 78, 5.2,
          "The everyday Japanese tea cup.",
          "Taller than wide, with a turned foot that lifts it off the table. Copper green runs to a dark ring "
          "where the glaze stops."),
    Piece("water-beaker", "Water beaker", "cups", "Chun blue", 1900, 60, 88, 80, 6.0,
          "Half a pint, pale as a puddle.",
          "A simple tapered beaker in milky blue. Good for water, better for wine outdoors. Stacks in twos."),
    Piece("herb-pot", "Herb pot", "planters", "Terracotta", 2400, 52, 130, 140, 5.6,
          "Basil, thyme, mint: one each.",
          "Coarse red clay, unglazed so that roots can breathe, with a thrown rim that is easy to grip. Made "
          "with its own saucer."),
    Piece("ribbed-planter", "Ribbed planter", "planters", "Matte black", 5400, 13, 190, 210, 2.2,
          "Throwing rings left as they were.",
          "We stop after the last pull and leave every finger mark. A dry black slip catches the light along "
          "each ridge. Takes a 17 cm nursery pot."),
    Piece("footed-planter", "Footed planter", "planters", "Copper green", 7600, 9, 230, 240, 1.5,
          "Stands on a turned foot, drains freely.",
          "A bell-shaped planter lifted clear of the ground, in the green of old copper roofs. Frost-proof to "
          "minus fifteen."),
    Piece("orchid-pot", "Orchid pot", "planters", "Ash white", 4600, 18, 150, 145, 2.7,
          "A quiet pot for a loud flower.",
          "Tall walls and a heavy base, so that a long stem does not tip it. Ash white outside, bare inside, "
          "with three drainage holes."),
    Piece("succulent-dish", "Succulent dish", "planters", "Iron red", 3100, 26, 65, 200, 3.3,
          "Wide and low, for shallow roots.",
          "A desert for the window sill. Kaki red breaking to black on the rim, and a drainage hole hidden in "
          "the foot ring."),
)  # fmt: skip
