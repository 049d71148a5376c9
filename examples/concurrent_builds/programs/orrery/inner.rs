use orbit::Planet;

pub const PLANETS: [Planet; 4] = [
    Planet { name: "Mercury", distance: 0.387 },
    Planet { name: "Venus", distance: 0.723 },
    Planet { name: "Earth", distance: 1.0 },
    Planet { name: "Mars", distance: 1.524 },
];
