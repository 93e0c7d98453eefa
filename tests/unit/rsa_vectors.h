/*
 * Keys that were made for these tests and open nothing, and what Python's
 * `cryptography` signs with the first.
 */
#ifndef RSA_VECTORS_H
#define RSA_VECTORS_H

#define RSA_KEY \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC8el31Uym9QCN2\n" \
    "942yu2evu8GgeaxZsKUxOUkQ9fcppDxfbHMSHPHlqTYqB88nVdWP9583qH4KhIqM\n" \
    "JkGhNsZXfAYoLtNmLMKHyaiVCqL24uAYqLsMeSvdRIMf8GP2jPtfgAQjX1uSOFjx\n" \
    "5nC89DBeHNLdwi42BjROj5bMiJDlTsCMnxe2vR5BOmTxoPUF5JuUbi7U7Uls2cIA\n" \
    "l7rnJ+GvnB6SCZpOqgZ1FXmsBKqdZV7ZTgnVJgxf3MEALCzTcu2N7Rh1vGnx4HlJ\n" \
    "8vd6uux44E95EEsf81gBR2RDxTwTkJ8idDeHQynZklGhPoHdzsZPMOlxjUYp0OkH\n" \
    "DUPfTZIBAgMBAAECggEANlU+NcT6ENTnBFobzozouIezKzw4G4jpLhX6ArotPKNc\n" \
    "RhPg3jVa5F5Rv28N4CSF0qFLFEPtxcFsoTc8DynXpouZyMaq6Vb44yUWhJSS4wIH\n" \
    "IQSvG0rpArnH5RKq9n2wz1h7mOjZ4H5+4YkRMd9g/BhqD0R1htxmAsmw6php0LhR\n" \
    "ytj0raQ+9f8C8VUXLR3uuweqaSxtoDq13/q5rd5OnVND3b3XmSCc333DUzCyHcMc\n" \
    "O5e7ZCLwqX07opzR4jJHKCmAo6NIwq+wVb/Ahg/u/o8l4b6GAtU8bDzJuQTh7Et0\n" \
    "kjl8iJgzRzo4HdAMJvTnM2/N30G3A18715yVnnRhUwKBgQD7cXy4+NdasAcrcPd5\n" \
    "syjBQ0s7X+ANK9eazLHzkIUbjvILI4E49yWlpdKb0WxIWPlDOJMRj7G2Lfp84Ab/\n" \
    "GopAM31DDYDG8sS82qCKWN4HrHKvj0lvTZyVVzhcm1cJ7ludg/vA5I6XWLO0oF48\n" \
    "P7BLcVPAro1cte0t+6ScYvZZhwKBgQC/5MRS0qvVtTQpEXC4HTAoU6pCQvAa1i3+\n" \
    "bxWKn/M/7FIsFGuKXa+5yV1tg+1LAHwLD073ipcynNMbvae1jQDp+Lkd2ipT17Dp\n" \
    "XmBHIEVyjj5lTXfPKuTVFhs5y/3umC05NPd82OkN9HDIdX6z/65LYbH4VrX6QQLt\n" \
    "a4rychp6NwKBgA/A2nmUTZnG8YwNNdQQH3uMRchgh18L4iQ2sud5pH1HhW6hONVi\n" \
    "1p78NqfAhTI7MNK/VqeBAzdQxiLQvl95QDQpha2PyQOt7hmO8QP58V81tLG/HnC0\n" \
    "whyxLDzRFrDumBrUTA+Xwj9FNW0Zpw3LR7ZSUVb/GKg4VbXN0FBj+t89AoGAUVQj\n" \
    "4PZo3apu8PjzTRUR1AWho3O7T6R22d86wgYIko8WRJhi+8G5OISflErVx3PtHsLe\n" \
    "NQwICOtujdNTwR6BxKglzQEp7177G+1j4MFMrcCbsVOj86m6UpWL9HMArJ7Si+xm\n" \
    "+AL2w3NWWZ9yk9dJh6lgRGB7wBTNqNJrkVXK4wECgYEAmotptfdSly3MP786ozln\n" \
    "7WYM8Hu+aGBzIqSkHvS1aAhk6rgZltR8xKNMEtRR9SfS0jnK4RVm/koqOmgUWCgA\n" \
    "sts3UA8A6YV9Rff3YXFDos481g4gMAVOKETwhpAoZXOVNwRMX5Kl0/AjnCG2toXF\n" \
    "bAaJPRitF3XJoEkEEcc5PnU=\n" \
    "-----END PRIVATE KEY-----\n"

#define EC_KEY \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYOXJc+bbcxK2o2TJ\n" \
    "EqADqEmskbtuEB6P3XGxOMhWfT2hRANCAAR4QpmMz2RVexxiCcmekCvLXgnY0VmC\n" \
    "d77XDexPslw5ih56rqPQkgDCK31/uhNWg0P+CtidAlhiqQ+knEDQ1joR\n" \
    "-----END PRIVATE KEY-----\n"

/* Nobody is there to be asked for its word. */
#define LOCKED_KEY \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
    "MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDx6l2krSmeAW8isPcc\n" \
    "kFBGAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQB+M3g2xOoM+WVbbU\n" \
    "H+t+TASBkH0Ly/Ag+/kwDn58UdpxpJhjL+sGWnhFQZw6dA8pabEfs7mtUSH02I2W\n" \
    "/Kc9V6824YVx7FyFSkiYsaOACCACz0vMN6TUweYgoUbBJ7rP7OOhWOEkQI2/Zs2f\n" \
    "dim8FR1EgESU5biTPH0MGCAxj5g/bAESNl3A8rEiYLrb9vB/QrIskzcyq/1IR6Vh\n" \
    "0XfS3QufPw==\n" \
    "-----END ENCRYPTED PRIVATE KEY-----\n"

#define SIGNED_TEXT "what is signed"
#define SIGNATURE \
    "226afbfe6f788d5793ed6d581d160487809101f39263e4bf1e02943c4f5c143e" \
    "66a0405c7b1a2e7804ac0ca2bdedd0cde55eda6ddf2d3dc8125c665b98a67f0d" \
    "46ee9590a0984695126152d253c015bfd1c631eb8218b4bc68975325f2159d0c" \
    "98bae2ab8c16aa356e00bd9f12807a0122d66d6c4660ad6e070e167889fea7f0" \
    "0f05c89c426287e92c93d6bdaf7c658f03569d601c800bf485dab01b3457ee6d" \
    "4d14ce13c191f546df8adcf84791d94e189fe2187620af97d16afcdaee97697c" \
    "19c956c5b1b9afb0557d8512e5777ac87451e60cf1f2b018a591c3df8a064117" \
    "a057e2a3432f399dc59d2e2d34ebc11d3f5ff1b590dc9fe5ea74fa92da565cd2"

#endif /* RSA_VECTORS_H */
