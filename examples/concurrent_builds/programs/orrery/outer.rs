use orbit::Planet;

pub const PLANETS: [Planet; 4] = [
    Planet { name: "Jupiter", distance: 5.203 },
    Planet { name: "Saturn", distance: 9.537 },
    Planet { name: "Uranus", distance: 19.19 },
    Planet { name: "Neptune", distance: 30.07 },
];
