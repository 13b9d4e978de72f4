package main

import "time"

// demoPast has been published in the weeks before.
var demoPast = []demoPost{
	{day: -24, clock: "08:30", text: "A new roast for the dark months: Lantern, from two small farms in Huila. Plum, cocoa, a long finish.", picture: "beans"},
	{day: -23, clock: "12:15", text: "Soup of the day is roasted pumpkin. Bring your own jar and it is one euro less."},
	{day: -21, clock: "09:00", text: "Monday plan: cupping at ten, open to everybody who likes to slurp loudly.", picture: "cup"},
	{day: -20, clock: "16:40", text: "Which one should stay on the winter card? The cardamom bun or the rye cake?"},
	{day: -18, clock: "07:45", text: "Fog on the water this morning. The ferry was late, the coffee was not.", picture: "harbour"},
	{day: -17, clock: "11:00", text: "We are looking for somebody to run the bar on weekends. Patience matters more than latte art. https://harbourcoffee.example/jobs"},
	{day: -16, clock: "10:00", text: "The grinder is back from repair and sounds like itself again. Thank you for waiting with us."},
	{day: -14, clock: "08:30", text: "How we brew at home: 15 g, 250 g of water just off the boil, three minutes, no rush.", picture: "cup"},
	{day: -13, clock: "17:30", text: "Sold out of rye cake by noon. We hear you. There will be two tomorrow."},
	{day: -11, clock: "09:10", text: "Meet the roaster, part one: Imke, who can tell a Kenyan from an Ethiopian by the crack alone.", only: "mastodon"},
	{day: -10, clock: "12:30", text: "Film night on Friday at eight. The projector is borrowed, the popcorn is ours."},
	{day: -9, clock: "15:00", text: "Last sunny afternoon on the quay? The chairs are still out.", picture: "harbour"},
	{day: -7, clock: "08:15", text: "Advent box: four coffees, four Sundays, one parcel. Orders are open until the 27th. https://harbourcoffee.example/advent", picture: "beans"},
	{day: -6, clock: "13:20", text: "Fair question from a guest: why is decaf never free? Because somebody still has to grow, wash, ship and roast it."},
	{day: -4, clock: "09:00", text: "Closed on Thursday afternoon: we are painting the back room. The front window stays open for takeaway."},
	{day: -3, clock: "11:45", text: "The back room is now the colour of good caramel. Come and tell us what you think.", picture: "cup"},
	{day: -2, clock: "18:00", text: "Three people asked for the playlist. It is Imke's, and she will share it if you ask nicely."},
	{day: -1, clock: "07:00", text: "Doors open at seven. The first pot is on us."},
}

// demoComing is scheduled; two of them go out while the newcomer watches.
var demoComing = []demoPost{
	{in: 8 * time.Second, text: "The kettle is on and the window is steamed up. Good morning from the harbour.", picture: "harbour"},
	{in: 3 * time.Minute, text: "The first tray of cinnamon buns is out of the oven. Quick, before Imke sees it."},
	{day: 0, clock: "17:30", text: "One hour until closing, four cinnamon buns left."},
	{day: 1, clock: "08:30", text: "Tasting notes for Lantern, brewed three ways. Which one would you order?", picture: "beans"},
	{day: 1, clock: "12:00", text: "Lunch today: leek and potato, rye bread, salted butter."},
	{day: 2, clock: "09:15", text: "How a bag of coffee gets to our door, from the start:", more: []string{
		"It begins in Huila at 1,800 metres, where two families pick by hand for about ten weeks.",
		"Then five weeks at sea. We could fly it in. We would rather wait.",
		"And last, eleven minutes in our roaster, while Imke listens for the crack.",
	}},
	{day: 3, clock: "16:00", text: "Film night again on Friday. You choose: something with boats or something with snow?"},
	{day: 4, clock: "08:00", text: "The Advent boxes are being packed. Last orders tonight. https://harbourcoffee.example/advent", picture: "cup"},
	{day: 4, clock: "20:00", text: "Lights down, film on. Come in quietly."},
	{day: 5, clock: "10:30", text: "Saturday means waffles until they run out."},
	{day: 7, clock: "09:00", text: "First Sunday, first coffee: the Advent boxes are opened today. Tell us what you taste.", picture: "beans"},
	{day: 8, clock: "08:30", text: "Cupping at ten, as every Monday. Beginners sit in front."},
	{day: 9, clock: "13:00", text: "A guest left a book on table four: The Shipping News, with a pressed leaf at page 112. It waits at the bar.", only: "bluesky"},
	{day: 10, clock: "07:45", text: "Frost on the ropes. We open ten minutes early for everybody on the first ferry.", picture: "harbour"},
	{day: 11, clock: "12:00", text: "Soup card for next week is up. There is one with chestnuts."},
	{day: 14, clock: "09:00", text: "Second Sunday. The coffee from Sidama is the one with the apricot."},
	{day: 16, clock: "11:00", text: "We need a name for the new house blend. Best one gets the first kilo."},
	{day: 18, clock: "08:30", text: "Meet the roaster, part two: what Imke drinks when nobody watches.", picture: "cup"},
	{day: 21, clock: "09:00", text: "Third Sunday. If you brew only one of the box slowly, make it this one."},
	{day: 23, clock: "10:00", text: "Opening hours for the holidays: closed on the 24th and 25th, open from nine on all other days."},
	{day: 28, clock: "09:00", text: "Fourth Sunday, and the box is empty. Thank you for a good year."},
}

// demoAsked waits for approval.
var demoAsked = demoPost{day: 6, clock: "11:00", text: "Harbour open day on the second Saturday of Advent: free refills for everybody who comes by boat."}

// demoDrafts wait for somebody to go on writing.
var demoDrafts = []string{
	"Behind the scenes of the new back room: before, during, after. Needs pictures.",
	"Ask us anything about milk foam?",
}
