// A Vendure server on loopback: @vendure/core alone, no plugins, its tables made at the start.
// In: SHOP_PORT, DATABASE_PORT, SHOP_USER, SHOP_PASSWORD. Out: "ready" on standard output once it answers.
'use strict';

// Vendure stores times without a zone, in the zone of its process.
process.env.TZ = 'UTC';
process.env.VENDURE_DISABLE_TELEMETRY = 'true';

const { bootstrap, DefaultLogger, dummyPaymentHandler, LogLevel } = require('@vendure/core');

bootstrap({
    apiOptions: {
        hostname: '127.0.0.1',
        port: Number(process.env.SHOP_PORT),
        adminApiPath: 'admin-api',
        shopApiPath: 'shop-api',
    },
    authOptions: {
        tokenMethod: 'bearer',
        requireVerification: false,
        superadminCredentials: { identifier: process.env.SHOP_USER, password: process.env.SHOP_PASSWORD },
    },
    dbConnectionOptions: {
        type: 'postgres',
        host: '127.0.0.1',
        port: Number(process.env.DATABASE_PORT),
        username: 'postgres',
        database: 'vendure',
        synchronize: true,
        logging: false,
    },
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    logger: new DefaultLogger({ level: LogLevel.Warn }),
}).then(
    () => console.log('ready'),
    error => {
        console.error(error);
        process.exit(1);
    },
);
