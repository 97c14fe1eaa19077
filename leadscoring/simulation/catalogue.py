"""The words of the simulated free zone: every level a lead's fields can take, with its share.

Groups (regions, sectors, channels) carry most of an effect, so that a level with few leads still
behaves like its relatives: what a real register of nationalities or activities looks like.
"""

from __future__ import annotations

from typing import Final

SOURCES: Final = (
    "Google Ads",
    "Meta Ads",
    "LinkedIn",
    "Website",
    "Referral",
    "Channel Partner",
    "Walk-in",
    "Trade Event",
)
SOURCE_SHARES: Final = (0.25, 0.19, 0.09, 0.17, 0.10, 0.10, 0.05, 0.05)
CHANNELS: Final = ("paid", "trust", "presence")
CHANNEL_OF_SOURCE: Final = (0, 0, 0, 2, 1, 1, 2, 2)
ONLINE_SOURCES: Final = (True, True, True, True, False, False, False, False)

REGIONS: Final = ("South Asia", "Gulf", "Arab", "Europe", "CIS", "Africa", "East Asia", "Americas")
# Rows: sources; columns: regions.
REGION_SHARES: Final = (
    (0.36, 0.05, 0.16, 0.16, 0.08, 0.10, 0.05, 0.04),
    (0.40, 0.04, 0.20, 0.07, 0.06, 0.16, 0.04, 0.03),
    (0.20, 0.06, 0.12, 0.34, 0.08, 0.04, 0.06, 0.10),
    (0.30, 0.06, 0.15, 0.20, 0.10, 0.09, 0.05, 0.05),
    (0.34, 0.08, 0.20, 0.14, 0.12, 0.06, 0.04, 0.02),
    (0.22, 0.03, 0.08, 0.24, 0.24, 0.06, 0.10, 0.03),
    (0.38, 0.14, 0.24, 0.08, 0.06, 0.06, 0.03, 0.01),
    (0.20, 0.08, 0.14, 0.20, 0.10, 0.10, 0.13, 0.05),
)
# Within a region the shares fall with the position (Zipf), so common nationalities come first.
NATIONALITIES: Final[dict[str, tuple[str, ...]]] = {
    "South Asia": (
        "India", "Pakistan", "Bangladesh", "Sri Lanka", "Nepal", "Maldives", "Afghanistan", "Bhutan",
    ),
    "Gulf": ("United Arab Emirates", "Saudi Arabia", "Kuwait", "Oman", "Bahrain", "Qatar"),
    "Arab": (
        "Egypt", "Jordan", "Lebanon", "Syria", "Iraq", "Morocco", "Tunisia", "Palestine", "Algeria", "Yemen",
        "Sudan", "Libya", "Mauritania",
    ),
    "Europe": (
        "United Kingdom", "Germany", "France", "Italy", "Netherlands", "Spain", "Turkey", "Poland", "Romania",
        "Greece", "Sweden", "Switzerland", "Belgium", "Ireland", "Portugal", "Austria", "Cyprus", "Bulgaria",
        "Hungary", "Denmark", "Czechia", "Norway", "Finland", "Serbia", "Croatia", "Estonia", "Latvia",
        "Lithuania", "Slovakia", "Malta",
    ),
    "CIS": (
        "Russia", "Ukraine", "Kazakhstan", "Uzbekistan", "Azerbaijan", "Belarus", "Armenia", "Georgia",
        "Kyrgyzstan", "Moldova", "Tajikistan",
    ),
    "Africa": (
        "Nigeria", "South Africa", "Kenya", "Ethiopia", "Ghana", "Uganda", "Cameroon", "Tanzania", "Zimbabwe",
        "Senegal", "Mauritius", "Rwanda",
    ),
    "East Asia": (
        "China", "Philippines", "Singapore", "Malaysia", "Indonesia", "Japan", "South Korea", "Vietnam",
        "Thailand", "Hong Kong",
    ),
    "Americas": (
        "United States", "Canada", "Brazil", "Australia", "Mexico", "Colombia", "Argentina", "New Zealand",
    ),
}  # fmt: skip

SECTORS: Final = (
    "General Trading", "Consulting", "E-commerce", "Technology", "Media", "Logistics", "Manufacturing",
    "Food & Beverage", "Health & Beauty", "Education & Events",
)  # fmt: skip
# Rows: channels; columns: sectors.
SECTOR_SHARES: Final = (
    (0.16, 0.16, 0.19, 0.15, 0.11, 0.04, 0.03, 0.05, 0.06, 0.05),
    (0.22, 0.15, 0.07, 0.10, 0.05, 0.12, 0.12, 0.08, 0.05, 0.04),
    (0.20, 0.15, 0.13, 0.12, 0.08, 0.08, 0.07, 0.07, 0.05, 0.05),
)
ACTIVITIES: Final[dict[str, tuple[str, ...]]] = {
    "General Trading": (
        "General Trading", "Auto Spare Parts Trading", "Building Materials Trading", "Electronics Trading",
        "Garments Trading", "Jewellery Trading", "Furniture Trading", "Used Cars Export", "Chemicals Trading",
        "Mobile Phones Trading", "Carpets Trading", "Medical Supplies Trading", "Toys Trading",
        "Stationery Trading", "Scrap Metal Trading", "Timber Trading",
    ),
    "Consulting": (
        "Management Consultancy", "Marketing Consultancy", "HR Consultancy", "Tax Consultancy",
        "Project Management", "Real Estate Consultancy", "Engineering Consultancy", "Legal Consultancy",
        "Energy Consultancy", "Feasibility Studies", "Quality Consultancy", "Lifestyle Consultancy",
        "Design Consultancy", "Environmental Consultancy", "Procurement Consultancy", "Investment Studies",
    ),
    "E-commerce": (
        "Online Retail", "Dropshipping", "Portal", "Online Fashion", "Online Electronics", "Online Grocery",
        "Online Cosmetics", "Online Perfumes", "Online Books", "Online Furniture", "Online Pet Supplies",
        "Online Sports Goods", "Online Gifts", "Online Marketplace", "Online Auctions", "Subscription Boxes",
    ),
    "Technology": (
        "Software Development", "IT Consultancy", "Mobile Apps", "Cloud Services", "Cyber Security",
        "Artificial Intelligence", "Web Design", "Data Analytics", "Blockchain Services", "Games Development",
        "Network Services", "IT Infrastructure", "Fintech Services", "Internet of Things", "Computer Repair",
        "Data Entry",
    ),
    "Media": (
        "Digital Marketing", "Advertising", "Photography", "Video Production", "Content Creation",
        "Social Media Services", "Public Relations", "Graphic Design", "Animation", "Music Production",
        "Publishing", "Podcast Production", "Film Services", "Printing", "Translation", "Voice-over",
    ),
    "Logistics": (
        "Freight Forwarding", "Cargo Services", "Shipping Agency", "Courier Services", "Customs Broking",
        "Warehousing", "Packaging", "Fleet Management", "Car Rental", "Yacht Charter", "Aviation Services",
        "Cold Storage", "Container Trading", "Moving Services", "Supply Chain Services", "Airport Services",
    ),
    "Manufacturing": (
        "Furniture Making", "Plastics Making", "Steel Works", "Paints Making", "Textiles Making",
        "Food Processing", "Paper Products", "Glass Works", "Cables Making", "Perfume Making",
        "Aluminium Works",
        "Detergents Making", "Machinery Assembly", "Battery Assembly", "3D Printing", "Recycling",
    ),
    "Food & Beverage": (
        "Foodstuff Trading", "Restaurant", "Coffee Trading", "Catering", "Spices Trading", "Cloud Kitchen",
        "Dates Trading", "Rice Trading", "Tea Trading", "Meat Import", "Bakery", "Juice Bar", "Water Trading",
        "Seafood Import", "Confectionery", "Edible Oils",
    ),
    "Health & Beauty": (
        "Cosmetics Trading", "Beauty Salon", "Food Supplements", "Medical Equipment", "Fitness Training",
        "Spa", "Perfumes Trading", "Optical Goods", "Dental Supplies", "Hair Products", "Nutrition Advice",
        "Home Care", "Medical Tourism", "Wellness Coaching", "Herbal Products", "Veterinary Supplies",
    ),
    "Education & Events": (
        "Training Centre", "Event Management", "Online Courses", "Language School", "Wedding Planning",
        "Sports Academy", "Tutoring", "Exhibitions", "Travel Agency", "Tour Operator", "Ticketing", "Nursery",
        "Student Recruitment", "Art Gallery", "Music School", "Conference Services",
    ),
}  # fmt: skip

LICENCES: Final = ("Commercial", "Professional", "E-commerce", "Industrial", "Freelance", "Holding")
# Rows: sectors; columns: licence types.
LICENCE_SHARES: Final = (
    (0.70, 0.06, 0.08, 0.05, 0.02, 0.09), (0.10, 0.54, 0.03, 0.02, 0.23, 0.08),
    (0.26, 0.08, 0.52, 0.02, 0.09, 0.03), (0.14, 0.50, 0.12, 0.03, 0.16, 0.05),
    (0.12, 0.40, 0.10, 0.02, 0.34, 0.02), (0.62, 0.14, 0.06, 0.10, 0.02, 0.06),
    (0.22, 0.06, 0.04, 0.58, 0.02, 0.08), (0.54, 0.10, 0.12, 0.17, 0.03, 0.04),
    (0.42, 0.24, 0.14, 0.06, 0.12, 0.02), (0.20, 0.46, 0.08, 0.03, 0.20, 0.03),
)  # fmt: skip
OFFICES: Final = ("Virtual Office", "Flexi Desk", "Private Office", "Warehouse", "Retail Unit")
# Rows: licence types; columns: office types.
OFFICE_SHARES: Final = (
    (0.18, 0.34, 0.20, 0.18, 0.10), (0.26, 0.36, 0.28, 0.04, 0.06), (0.30, 0.34, 0.12, 0.16, 0.08),
    (0.08, 0.20, 0.18, 0.44, 0.10), (0.44, 0.36, 0.12, 0.02, 0.06), (0.30, 0.24, 0.34, 0.06, 0.06),
)  # fmt: skip
PACKAGES: Final = ("Starter", "Standard", "Premium", "Elite")
# Rows: office types; columns: packages.
PACKAGE_SHARES: Final = (
    (0.50, 0.32, 0.13, 0.05), (0.34, 0.40, 0.19, 0.07), (0.12, 0.34, 0.36, 0.18),
    (0.14, 0.36, 0.34, 0.16), (0.22, 0.40, 0.27, 0.11),
)  # fmt: skip
# Rows: packages; columns: visas 0, 1, 2, 3, 4, 5, 6.
VISA_SHARES: Final = (
    (0.34, 0.30, 0.18, 0.10, 0.05, 0.02, 0.01), (0.16, 0.26, 0.24, 0.17, 0.10, 0.05, 0.02),
    (0.08, 0.16, 0.22, 0.23, 0.16, 0.10, 0.05), (0.05, 0.10, 0.18, 0.23, 0.20, 0.14, 0.10),
)  # fmt: skip
# Rows: licence types; columns: shareholders 1, 2, 3, 4, 5, 6.
SHAREHOLDER_SHARES: Final = (
    (0.36, 0.30, 0.16, 0.10, 0.05, 0.03), (0.46, 0.28, 0.13, 0.07, 0.04, 0.02),
    (0.44, 0.29, 0.14, 0.07, 0.04, 0.02), (0.26, 0.30, 0.20, 0.13, 0.07, 0.04),
    (0.80, 0.12, 0.04, 0.02, 0.01, 0.01), (0.22, 0.28, 0.22, 0.14, 0.09, 0.05),
)  # fmt: skip
TIMELINES: Final = ("Immediately", "Within 1 month", "Within 3 months", "Within 6 months", "Just exploring")
# Rows: channels; columns: timelines.
TIMELINE_SHARES: Final = (
    (0.16, 0.22, 0.22, 0.14, 0.26), (0.28, 0.30, 0.22, 0.12, 0.08), (0.20, 0.24, 0.23, 0.14, 0.19),
)  # fmt: skip
CONTACTS: Final = ("Phone", "WhatsApp", "Email")
# Rows: regions; columns: ways of contact.
CONTACT_SHARES: Final = (
    (0.34, 0.50, 0.16), (0.46, 0.40, 0.14), (0.38, 0.46, 0.16), (0.22, 0.26, 0.52),
    (0.20, 0.50, 0.30), (0.30, 0.52, 0.18), (0.24, 0.34, 0.42), (0.24, 0.20, 0.56),
)  # fmt: skip
DEVICES: Final = ("Mobile", "Desktop", "Tablet")
# Rows: sources; columns: devices (offline sources have none).
DEVICE_SHARES: Final = (
    (0.58, 0.37, 0.05), (0.86, 0.09, 0.05), (0.42, 0.54, 0.04), (0.46, 0.48, 0.06),
    (1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, 0.0),
)  # fmt: skip
CITIES: Final[dict[str, tuple[str, ...]]] = {
    "South Asia": ("Dubai", "Mumbai", "Sharjah", "Karachi", "Delhi", "Lahore", "Abu Dhabi", "Dhaka"),
    "Gulf": ("Dubai", "Abu Dhabi", "Riyadh", "Kuwait City", "Sharjah", "Muscat", "Doha"),
    "Arab": ("Dubai", "Cairo", "Amman", "Beirut", "Sharjah", "Abu Dhabi", "Casablanca"),
    "Europe": ("London", "Dubai", "Berlin", "Paris", "Istanbul", "Milan", "Amsterdam"),
    "CIS": ("Dubai", "Moscow", "Almaty", "Kyiv", "Tashkent", "Baku"),
    "Africa": ("Lagos", "Dubai", "Nairobi", "Johannesburg", "Accra", "Addis Ababa"),
    "East Asia": ("Dubai", "Shenzhen", "Manila", "Singapore", "Hong Kong", "Kuala Lumpur"),
    "Americas": ("New York", "Dubai", "Toronto", "Sydney", "Sao Paulo"),
}

MARKETS: Final = ("UAE", "India", "Pakistan", "UK", "Europe", "CIS", "GCC", "Africa")
# Campaigns of a source = themes × markets; sources without an entry run none.
CAMPAIGN_THEMES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "Google Ads": ("Search", (
        "Brand", "Company Setup", "Trade Licence", "Freelance Visa", "Low Cost", "Golden Visa",
    )),
    "Meta Ads": ("Meta", ("Lookalike", "Retargeting", "Zero Tax", "Founder Stories", "Summer Offer")),
    "LinkedIn": ("LinkedIn", ("Founders", "Consultants", "Tech Hub")),
    "Channel Partner": ("Partner", ("Accountants", "Law Firms")),
    "Trade Event": ("Event", ("Fintech Week", "Food Expo")),
}  # fmt: skip

REPS: Final = (
    "Aisha Rahman", "Omar Haddad", "Priya Nair", "James Cole", "Elena Petrova", "Fatima Al Suwaidi",
    "Rahul Mehta", "Sara Lindqvist", "Hassan Malik", "Grace Okafor", "Daniel Weber", "Mei Tan",
)  # fmt: skip
LOST_REASONS: Final = (
    "Price",
    "No answer",
    "Chose another zone",
    "Not eligible",
    "Postponed",
    "Duplicate",
    "Other",
)
LOST_SHARES: Final = (0.27, 0.26, 0.14, 0.09, 0.16, 0.03, 0.05)
OPEN_STAGES: Final = ("New", "Contacted", "Qualified", "Proposal Sent")
COMPANY_FIRST: Final = (
    "Al Noor", "Blue Palm", "Crescent", "Desert Rose", "Eastline", "Falcon", "Golden Gate", "Horizon",
    "Indigo", "Jasmine", "Kestrel", "Lotus", "Meridian", "Nova", "Oasis", "Pearl", "Quantum", "Red Dune",
    "Sapphire", "Tamarind", "Unity", "Vertex", "Westbay", "Zenith", "Atlas", "Cedar", "Delta", "Emerald",
    "Harbour", "Summit",
)  # fmt: skip
COMPANY_SECOND: Final = (
    "Global", "Trading", "Ventures", "Solutions", "Partners", "Group", "International", "Studio", "Labs",
    "Media", "Logistics", "Foods", "Tech", "Services", "Holdings", "Consulting", "Supplies", "Digital",
    "Industries", "Care",
)  # fmt: skip
COMPANY_FORMS: Final = ("FZE", "FZCO", "FZ-LLC", "LLC", "Ltd", "")
FIRST_NAMES: Final = (
    "ahmed", "ali", "amina", "ana", "andrei", "anil", "arjun", "ayesha", "bilal", "chen", "chiara", "daniel",
    "david", "deepa", "elena", "emeka", "emma", "farah", "fatima", "george", "hana", "hassan", "igor", "imran",
    "ivan", "james", "jin", "john", "julia", "karim", "kavita", "khalid", "laila", "lars", "layla", "leo", "lina",
    "lucia", "maria", "mark", "mehmet", "mei", "michael", "mohammed", "nadia", "nikita", "noor", "olga", "omar",
    "paul", "peter", "pooja", "priya", "rahul", "rania", "ravi", "rosa", "salma", "samir", "sara", "sofia",
    "sunil", "tariq", "thomas", "usman", "vikram", "wei", "yusuf", "zainab", "zara",
)  # fmt: skip
LAST_NAMES: Final = (
    "abbas", "adeyemi", "ahmad", "ali", "bauer", "becker", "bianchi", "brown", "chaudhry", "chen", "costa",
    "das", "diaz", "dubois", "fernando", "fischer", "garcia", "gupta", "haddad", "hassan", "hussain", "ibrahim",
    "ivanov", "jain", "johnson", "joshi", "kapoor", "kaya", "khan", "kim", "kumar", "lee", "lim", "malik",
    "martin", "mehta", "mensah", "meyer", "mohan", "moreau", "mwangi", "nair", "nguyen", "novak", "okafor",
    "omar", "patel", "petrov", "popescu", "qureshi", "rahman", "rao", "reddy", "rossi", "saleh", "santos",
    "sharma", "shah", "silva", "singh", "smirnov", "smith", "tan", "taylor", "wang", "weber", "wilson", "yadav",
    "yilmaz", "zhang",
)  # fmt: skip
# Domains that belong to nobody (RFC 2606), so that no mail of a demo ever reaches a person.
MAIL_DOMAINS: Final = (
    "mail.example", "mail.example", "mail.example", "post.example", "post.example", "inbox.example",
    "webmail.example", "trading.example", "studio.example", "group.example", "consult.example",
    "holding.example",
)  # fmt: skip
