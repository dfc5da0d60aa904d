"""A league: whom a policy in training meets, who enters, and how good each that entered is."""
